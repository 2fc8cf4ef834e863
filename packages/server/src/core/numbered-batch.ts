/** Batches that are written once, however often they are sent: each sender numbers its own, and the store keeps the last number. */
import type { Tx } from './store-port.ts';

export interface NumberedBatch {
  /** The same for all batches of one sender, and for nobody else's; never an id of an `Idempotency-Key`. */
  readonly sender: string;
  /** Higher than that of the sender's batch before, which was answered. */
  readonly number: number;
  readonly now: number;
}

/**
 * Whether `write` was run, which hears whether anything of this sender is remembered; false: this batch, or a later one, was written
 * before. Remembered as long as answers to an `Idempotency-Key`.
 */
export async function writeOnce(
  tx: Tx,
  { sender: id, number, now }: NumberedBatch,
  write: (sent: 'first' | 'later') => Promise<void>,
): Promise<boolean> {
  const last = (await tx.idempotency(id))?.requestHash;
  if (number <= Number(last ?? 0)) return false;
  await write(last === undefined ? 'first' : 'later');
  await tx.putIdempotency({ id, requestHash: String(number), status: 0, sealed: NOTHING, createdAt: now });
  return true;
}

const NOTHING = new Uint8Array(0);
