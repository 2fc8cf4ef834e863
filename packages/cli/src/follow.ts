/** Reads logs that are ordered by `seq`: in parts that fit in memory, and as they grow. */
import { setTimeout as wait } from 'node:timers/promises';

interface Ordered {
  readonly seq: number;
}

const PART = 1000;
const POLL_MS = 1_000;

/** The same records, so many at a time: a table is drawn when its rows are known. */
export async function* inParts<T>(records: AsyncIterable<T>): AsyncGenerator<readonly T[], void, undefined> {
  let part: T[] = [];
  for await (const record of records) {
    part.push(record);
    if (part.length < PART) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** Follows a log that has no stream by asking again each second; ends only by the interruption, which throws its reason. */
export async function* polled<T extends Ordered>(
  seq: number,
  after: (seq: number) => AsyncIterable<T>,
  interrupted: AbortSignal,
): AsyncGenerator<T, never, undefined> {
  let last = seq;
  for (;;) {
    for await (const record of after(last)) {
      yield record;
      last = record.seq;
    }
    await wait(POLL_MS, undefined, { signal: interrupted });
  }
}
