/** Shares of a limit never pass more than the limit and a second of its pace, however many take them, and ask seldom. */
import type { Limiter, LimitRule } from '@tessera/verify';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { givenShares, SHARE_LASTS } from '../../src/limits/given-shares.ts';
import { memoryLimiter } from '../../src/limits/memory.ts';
import { handClock, now, rule } from './support.ts';

const approximate = (parts: Parameters<typeof rule>[0] = {}) => rule({ mode: 'approximate', ...parts });

/** So many nodes over one counter, and how often it was asked. */
function nodesOver(count: number) {
  const clock = handClock();
  const asked = { times: 0 };
  const counter = memoryLimiter({ clock });
  const limiter: Limiter = {
    take(...all) {
      asked.times += 1;
      return counter.take(...all);
    },
  };
  const nodes = Array.from({ length: count }, () => givenShares({ limiter, monotonic: clock.now, maxKeys: 4 }));
  return { clock, asked, counter, nodes, node: nodes[0] ?? limiter };
}

describe('shares of a limit', () => {
  it('pass at most burst + floor((t + 1) * limit / window) in any t seconds, over all who take them', () => {
    const request = fc.record({
      node: fc.nat(2),
      gap: fc.constantFrom(0, 0, 10, 900, 999, 1000, 3_900),
      cost: fc.constantFrom(1, 1, 1, 3),
      times: fc.constantFrom(1, 5, 20, 60),
    });
    const limits = fc.record({
      limit: fc.integer({ min: 1, max: 20 }),
      windowSeconds: fc.integer({ min: 1, max: 20 }),
      burst: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(limits, fc.array(request, { maxLength: 40 }), (parts, requests) => {
        const { clock, nodes } = nodesOver(3);
        const limit = approximate(parts);
        const passed: { readonly at: number; readonly cost: number }[] = [];
        for (const { node, gap, cost, times } of requests) {
          clock.time += gap;
          for (let time = 0; time < times; time += 1) {
            const outcome = nodes[node]?.take([limit], cost, 'spend');
            if (outcome !== undefined && now(outcome).allowed) passed.push({ at: clock.time, cost });
          }
        }
        expect(passed.filter((_, last) => overshoots(passed, last, limit))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('pass as many at once as the burst allows, from one node as from three', () => {
    for (const count of [1, 3]) {
      const { nodes } = nodesOver(count);
      const limit = approximate({ limit: 1000 });
      let passed = 0;
      for (let request = 0; request < 4000; request += 1) {
        const outcome = nodes[request % count]?.take([limit], 1, 'spend');
        if (outcome !== undefined && now(outcome).allowed) passed += 1;
      }
      expect(passed).toBe(1000);
    }
  });

  it('are asked for seldom: a steady thousand a second costs tens of questions', () => {
    const { clock, asked, node } = nodesOver(1);
    const limit = approximate({ limit: 1_000_000, windowSeconds: 60 });
    for (let request = 0; request < 10_000; request += 1) {
      clock.time += request % 10 === 0 ? 10 : 0;
      expect(now(node.take([limit], 1, 'spend')).allowed).toBe(true);
    }
    expect(asked.times).toBeLessThan(60);
  });

  it('end after a second, spent or not, and are smaller after that', () => {
    const { clock, counter, node } = nodesOver(1);
    const limit = approximate({ limit: 1000, windowSeconds: 86_400 });
    for (let request = 0; request < 20; request += 1) now(node.take([limit], 1, 'spend'));
    const before = now(counter.take([limit], 1, 'peek')).states[0]?.remaining ?? 0;
    expect(before).toBeLessThan(980);
    clock.time += SHARE_LASTS;
    now(node.take([limit], 1, 'spend'));
    const after = now(counter.take([limit], 1, 'peek')).states[0]?.remaining ?? 0;
    expect(before - after).toBeGreaterThan(0);
    expect(before - after).toBeLessThan(32);
  });

  it('are not spent where an exact limit of the same request refuses', () => {
    const { clock, node } = nodesOver(1);
    const wide = approximate({ key: 'wide', name: 'wide', limit: 100, windowSeconds: 86_400 });
    const tight = rule({ key: 'tight', name: 'tight', limit: 5, windowSeconds: 86_400 });
    for (let request = 0; request < 5; request += 1) {
      expect(now(node.take([wide, tight], 1, 'spend')).allowed).toBe(true);
    }
    for (let request = 0; request < 50; request += 1) {
      const { allowed, states } = now(node.take([wide, tight], 1, 'spend'));
      expect(allowed).toBe(false);
      expect(states.some(({ name, retryAfterSeconds }) => name === 'tight' && retryAfterSeconds > 0)).toBe(true);
    }
    clock.time += SHARE_LASTS;
    let passed = 0;
    while (now(node.take([wide], 1, 'spend')).allowed) passed += 1;
    // What a share held when it ended is lost, and nothing else.
    expect(passed).toBeGreaterThan(80);
    expect(passed).toBeLessThanOrEqual(95);
  });

  it('leave requests under way at once to ask for themselves, while one asks for a share', async () => {
    const clock = handClock();
    const counter = memoryLimiter({ clock });
    const costs: number[] = [];
    const limiter: Limiter = {
      async take(rules, cost, mode) {
        costs.push(rules[0]?.cost ?? 0);
        return counter.take(rules, cost, mode);
      },
    };
    const node = givenShares({ limiter, monotonic: clock.now, maxKeys: 4 });
    const limit = approximate({ limit: 1000 });
    for (let request = 0; request < 3; request += 1) await node.take([limit], 1, 'spend');
    costs.length = 0;
    await Promise.all(Array.from({ length: 20 }, async () => node.take([limit], 1, 'spend')));
    expect(costs.filter((cost) => cost > 1).length).toBeLessThanOrEqual(1);
  });

  it('reject with what the counter rejects with, and spend nothing', () => {
    const clock = handClock();
    const error = new Error('away');
    const limiter: Limiter = { take: () => Promise.reject(error) };
    const node = givenShares({ limiter, monotonic: clock.now, maxKeys: 4 });
    return expect(node.take([approximate()], 1, 'spend')).rejects.toBe(error);
  });

  it('tell with `peek` what would happen, and spend nothing', () => {
    const { node } = nodesOver(1);
    const limit = approximate({ limit: 50, windowSeconds: 86_400 });
    for (let request = 0; request < 10; request += 1) now(node.take([limit], 1, 'spend'));
    const first = now(node.take([limit], 1, 'peek'));
    expect(first.allowed).toBe(true);
    for (let request = 0; request < 10; request += 1) expect(now(node.take([limit], 1, 'peek'))).toEqual(first);
  });
});

/** Whether some stretch that ends with this request holds more than is promised. */
function overshoots(
  passed: readonly { readonly at: number; readonly cost: number }[],
  last: number,
  { limit, windowSeconds, burst }: LimitRule,
): boolean {
  const end = passed[last]?.at ?? 0;
  let sum = 0;
  for (let first = last; first >= 0; first -= 1) {
    const { at, cost } = passed[first] ?? { at: end, cost: 0 };
    sum += cost;
    if (sum > burst + Math.floor(((end - at + SHARE_LASTS) * limit) / (windowSeconds * 1000))) return true;
  }
  return false;
}
