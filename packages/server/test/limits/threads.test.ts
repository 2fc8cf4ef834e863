/** Threads that share a limiter get together exactly what one alone would get, also where some of them are ended in the middle. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { sharedLimiter } from '../../src/limits/shared.ts';
import { lockOf, type SharedCounters, sharedCounters } from '../../src/limits/shared-counters.ts';
import { freeLock } from '../../src/limits/shared-lock.ts';
import { handClock, now, rule } from './support.ts';
import type { Taking } from './taking-thread.ts';

const SCRIPT = new URL('./taking-thread.ts', import.meta.url);
const ENDLESS = 1_000_000_000;

describe('threads that share a limiter', () => {
  it('are granted the limit together, to the request, and spend all rules or none', async () => {
    const { counters, granted } = prepare();
    const threads = [1, 2, 3, 4].map((holder) => thread({ counters, granted, holder, takes: 20_000, limit: 30_000 }));
    await Promise.all(threads.map(({ exited }) => exited));
    expect(granted[0]).toBe(30_000);
    const states = now(limiterOf(counters).take(rulesOf(30_000), 1, 'peek')).states;
    expect(states.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['a', 0],
      ['b', 30_000],
    ]);
  });

  it('go on when one dies that holds the lock, once it is freed for it; until then they are refused', async () => {
    const { counters, granted } = prepare();
    const dying = thread({ counters, granted, holder: 7, takes: 0, limit: 10, holds: true });
    await once(dying.worker, 'message');
    const limiter = limiterOf(counters);
    expect(() => limiter.take([rule()], 1, 'spend')).toThrow('the memory that the workers share stays locked');
    await dying.worker.terminate();
    expect(freeLock(lockOf(counters), 6)).toBe(false);
    expect(freeLock(lockOf(counters), 7)).toBe(true);
    expect(now(limiter.take([rule()], 1, 'spend')).allowed).toBe(true);
  });

  it('are never granted more than the limit, whenever they are ended', async () => {
    const limit = 500_000;
    const { counters, granted } = prepare();
    for (let round = 1; round <= 20; round += 1) {
      const survivor = thread({ counters, granted, holder: 2 * round, takes: 500, limit });
      const ended = thread({ counters, granted, holder: 2 * round + 1, takes: ENDLESS, limit });
      await once(ended.worker, 'message');
      await ended.worker.terminate();
      freeLock(lockOf(counters), 2 * round + 1);
      await survivor.exited;
    }
    const { states } = now(limiterOf(counters).take(rulesOf(limit), 1, 'peek'));
    const spent = [limit - (states[0]?.remaining ?? 0), 2 * limit - (states[1]?.remaining ?? 0)];
    // What was spent and not counted can only have been under way at an end.
    for (const one of spent) {
      expect(one).toBeGreaterThanOrEqual(granted[0] ?? Number.NaN);
      expect(one).toBeLessThanOrEqual((granted[0] ?? Number.NaN) + 20);
    }
  });
});

function prepare() {
  const counters = sharedCounters({ clock: handClock(), maxKeys: 1000 });
  return { counters, granted: new Int32Array(new SharedArrayBuffer(4)) };
}

function limiterOf(counters: SharedCounters) {
  return sharedLimiter({ clock: handClock(), counters, holder: 1_000 });
}

function rulesOf(limit: number) {
  return [rule({ key: 'a', name: 'a', limit }), rule({ key: 'b', name: 'b', limit: 2 * limit })];
}

function thread(taking: Taking) {
  const worker = new Worker(SCRIPT, { workerData: taking });
  return { worker, exited: once(worker, 'exit') };
}
