/** Batches that are written once, however often they are sent: each sender numbers its own, and the store keeps the last number. */
import type { Tx } from './store-port.ts';

export interface NumberedBatch {
  /** The same for all batches of one sender, and for nobody else's; never an id of an `Idempotency-Key`. */
  readonly sender: string;
  /** Higher than that of the sender's batch before, which was answered. */
  readonly number: number;
  readonly now: number;
}

/** Whether `write` was run; false: this batch, or a later one, was written before. Remembered as long as answers to an `Idempotency-Key`. */
export async function writeOnce(
  tx: Tx,
  { sender: id, number, now }: NumberedBatch,
  write: () => Promise<void>,
): Promise<boolean> {
  const last = Number((await tx.idempotency(id))?.requestHash ?? 0);
  if (number <= last) return false;
  await write();
  await tx.putIdempotency({ id, requestHash: String(number), status: 0, sealed: NOTHING, createdAt: now });
  return true;
}

const NOTHING = new Uint8Array(0);
