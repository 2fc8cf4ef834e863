/** A thread that takes from a shared limiter as often as it is told, and counts in shared memory what it was granted. */
import { parentPort, workerData } from 'node:worker_threads';
import { sharedLimiter } from '../../src/limits/shared.ts';
import { lockOf, type SharedCounters } from '../../src/limits/shared-counters.ts';
import { sharedLock } from '../../src/limits/shared-lock.ts';
import { now, rule, START } from './support.ts';

export interface Taking {
  readonly counters: SharedCounters;
  readonly holder: number;
  /** Counts what was granted. */
  readonly granted: Int32Array<SharedArrayBuffer>;
  readonly takes: number;
  readonly limit: number;
  /** Takes the lock instead, and never lets go. */
  readonly holds?: true;
}

const { counters, holder, granted, takes, limit, holds } = workerData as Taking;
if (holds === true) {
  sharedLock(lockOf(counters), holder).alone(() => {
    parentPort?.postMessage('holding');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
}
const limiter = sharedLimiter({ clock: { now: () => START }, counters, holder });
const rules = [rule({ key: 'a', name: 'a', limit }), rule({ key: 'b', name: 'b', limit: 2 * limit })];
for (let index = 0; index < takes; index += 1) {
  if (now(limiter.take(rules, 1, 'spend')).allowed) Atomics.add(granted, 0, 1);
  if (index === 0) parentPort?.postMessage('taking');
}
