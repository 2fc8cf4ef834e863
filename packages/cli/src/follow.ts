/** Follows an ordered log by asking for what came after the last record seen. */
import { setTimeout as wait } from 'node:timers/promises';

export interface Log<T> {
  /** The records after `seq`, oldest first, as many as fit in an answer. */
  readonly after: (seq: number) => Promise<readonly T[]>;
  readonly interrupted: AbortSignal;
  /** Whether to go on when there is nothing new. */
  readonly follow: boolean;
}

const POLL_MS = 1_000;

/** Every batch of records after `seq`; with `follow` it ends only by the interruption, which throws its reason. */
export async function* batches<T extends { readonly seq: number }>(
  seq: number,
  { after, interrupted, follow }: Log<T>,
): AsyncGenerator<readonly T[], void, undefined> {
  let last = seq;
  for (;;) {
    const records = await after(last);
    const newest = records.at(-1);
    if (newest !== undefined && newest.seq > last) {
      yield records;
      last = newest.seq;
    } else if (follow) {
      await wait(POLL_MS, undefined, { signal: interrupted });
    } else {
      return;
    }
  }
}
