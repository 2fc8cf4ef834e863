/**
 * Wakes the thread that started it when a request is due. The timers of that thread could not: they count in whole
 * milliseconds, which is longer than what is measured.
 */
import { parentPort, workerData } from 'node:worker_threads';

export interface Pace {
  /** Milliseconds since 1970, with their fractions: threads begin to count at different times. */
  readonly start: number;
  readonly everyMilliseconds: number;
}

const { start, everyMilliseconds } = workerData as Pace;
const never = new Int32Array(new SharedArrayBuffer(4));
for (let beat = 0; ; beat += 1) {
  const left = start + beat * everyMilliseconds - (performance.timeOrigin + performance.now());
  // A beat that was missed is not made up for: who is woken reads the clock.
  if (left < 0) continue;
  Atomics.wait(never, 0, 0, left);
  parentPort?.postMessage(undefined);
}
