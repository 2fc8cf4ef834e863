/** however many keys are presented, memory is bounded and nobody who is blocked gets free. */
import type { LimitRule } from '@tessera/verify';
import { describe, expect, it } from 'vitest';
import { Counters } from '../../src/limits/counters.ts';
import { newCounter, spend } from '../../src/limits/gcra.ts';
import { limiters } from './limiters.ts';
import { handClock, now, rule } from './support.ts';

describe.each(limiters)('a flood of keys in a limiter $name', ({ make }) => {
  it('of 1,000,000 leaves every blocked key blocked', () => {
    const clock = handClock();
    const limiter = make({ clock, maxKeys: 10_000 });
    const blocked = Array.from({ length: 2_000 }, (_, index) => keyed(`blocked-${index}`));
    for (const one of blocked) expect(now(limiter.take([one], 100, 'spend')).allowed).toBe(true);
    let refused = 0;
    for (let index = 0; index < 1_000_000; index += 1) {
      if (!now(limiter.take([keyed(`flood-${index}`)], 1, 'spend')).allowed) refused += 1;
    }
    // One in five is blocked: that all of 64 that are looked at are, is next to impossible.
    expect(refused).toBe(0);
    for (const one of blocked) expect(now(limiter.take([one], 1, 'spend')).allowed).toBe(false);
  });

  it('is refused where every key is blocked, while those that are known are still judged', () => {
    const clock = handClock();
    const limiter = make({ clock, maxKeys: 8 });
    for (let index = 0; index < 8; index += 1) now(limiter.take([keyed(`blocked-${index}`)], 100, 'spend'));
    expect(now(limiter.take([keyed('new')], 1, 'spend'))).toEqual({
      allowed: false,
      states: [{ name: 'default', limit: 100, windowSeconds: 60, remaining: 0, resetSeconds: 0, retryAfterSeconds: 1 }],
    });
    clock.time += 600;
    expect(now(limiter.take([keyed('blocked-3')], 1, 'spend')).allowed).toBe(true);
    clock.time += 60_000;
    expect(now(limiter.take([keyed('new')], 1, 'spend')).allowed).toBe(true);
  });

  it('does not free a key that refuses what it is asked, though smaller requests would pass', () => {
    const limiter = make({ clock: handClock(), maxKeys: 4 });
    const batch = keyed('batch');
    expect(now(limiter.take([batch], 60, 'spend')).allowed).toBe(true);
    expect(now(limiter.take([batch], 60, 'spend')).allowed).toBe(false);
    for (let index = 0; index < 200; index += 1) now(limiter.take([keyed(`flood-${index}`)], 90, 'spend'));
    expect(now(limiter.take([batch], 60, 'spend')).allowed).toBe(false);
  });
});

describe('Counters', () => {
  it('holds at most as many keys as it may', () => {
    const counters = new Counters(1000);
    for (let index = 0; index < 20_000; index += 1) {
      expect(counters.makeRoom(1, 0)).toBe(true);
      counters.add(used(`key-${index}`, 0));
      expect(counters.size).toBeLessThanOrEqual(1000);
    }
    expect(counters.size).toBe(1000);
  });

  it('forgets drained keys as new ones come, long before it is full', () => {
    const counters = new Counters(1_000_000);
    // 10 new keys a millisecond that drain in 600 ms: 6,000 are in use at any time, and a quarter of the million may stay.
    for (let index = 0; index < 600_000; index += 1) counters.add(used(`key-${index}`, Math.floor(index / 10)));
    expect(counters.size).toBeLessThanOrEqual(250_000);
  });

  it('evicts the least loaded of those it looks at', () => {
    const picks = [0.1, 0.5, 0.9, 0.1];
    const counters = new Counters(3, () => picks.shift() ?? 0);
    for (const [key, cost] of Object.entries({ half: 50, tenth: 10, most: 80 })) counters.add(used(key, 0, cost));
    expect(counters.makeRoom(1, 0)).toBe(true);
    expect(counters.find('tenth')).toBeUndefined();
    expect(counters.find('half')).toBeDefined();
    expect(counters.find('most')).toBeDefined();
  });
});

function keyed(key: string): LimitRule {
  return rule({ key });
}

function used(key: string, at: number, cost = 1) {
  const counter = newCounter(keyed(key), at);
  spend(counter, cost);
  return counter;
}
