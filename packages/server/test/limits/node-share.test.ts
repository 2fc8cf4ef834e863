/** Nodes that count by themselves pass together what the limit says, each its share; and one node all of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryConcurrency } from '../../src/limits/concurrency.ts';
import { followNodes, type NodeShare } from '../../src/limits/live-nodes.ts';
import { memoryLimiter } from '../../src/limits/memory.ts';
import { shareOfLimits, shareOfPlaces } from '../../src/limits/node-share.ts';
import { handClock, now, rule } from './support.ts';

describe('the share of a node', () => {
  it('adds up to no more than the limit, over any number of nodes, in any time', () => {
    const limits = fc.record({
      limit: fc.integer({ min: 1, max: 40 }),
      windowSeconds: fc.integer({ min: 1, max: 600 }),
      burst: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 3 }), (parts, all, windows) => {
        const clock = handClock();
        const limit = rule(parts);
        const nodes = Array.from({ length: all }, () =>
          shareOfLimits(memoryLimiter({ clock }), () => ({ own: 1, all })),
        );
        let passed = 0;
        for (let step = 0; step <= windows * 10; step += 1) {
          for (const node of nodes) while (now(node.take([limit], 1, 'spend')).allowed) passed += 1;
          clock.time += limit.windowSeconds * 100;
        }
        const seconds = windows * limit.windowSeconds;
        const most = Math.max(limit.burst, all) + Math.floor((seconds * limit.limit) / limit.windowSeconds);
        expect(passed).toBeLessThanOrEqual(most);
      }),
      { numRuns: 60 },
    );
  });

  it('is told in the words of the limit', () => {
    const node = shareOfLimits(memoryLimiter({ clock: handClock() }), () => ({ own: 1, all: 3 }));
    const limit = rule({ limit: 90, windowSeconds: 60 });
    expect(now(node.take([limit], 30, 'spend'))).toEqual({
      allowed: true,
      states: [{ name: 'default', limit: 90, windowSeconds: 60, remaining: 0, resetSeconds: 60, retryAfterSeconds: 0 }],
    });
    expect(now(node.take([limit], 1, 'spend')).allowed).toBe(false);
  });

  it('follows the number of nodes, and keeps what was used', () => {
    let share: NodeShare = { own: 1, all: 1 };
    const node = shareOfLimits(memoryLimiter({ clock: handClock() }), () => share);
    expect(now(node.take([rule()], 20, 'spend')).states[0]?.remaining).toBe(80);
    share = { own: 1, all: 2 };
    expect(now(node.take([rule()], 1, 'peek')).states[0]?.remaining).toBe(30);
    share = { own: 2, all: 2 };
    expect(now(node.take([rule()], 1, 'peek')).states[0]?.remaining).toBe(80);
  });

  it('of places is at least one, and is told in the words of the limit', async () => {
    const node = shareOfPlaces(memoryConcurrency(), () => ({ own: 1, all: 4 }));
    const two = { key: 'k', name: 'n', limit: 2 };
    expect((await node.take([two], 'spend')).allowed).toBe(true);
    const refused = await node.take([two], 'spend');
    expect(refused).toMatchObject({ allowed: false, states: [{ name: 'n', limit: 2, remaining: 0 }] });
  });

  it('is that of as many nodes as the store tells, and stays while it tells nothing', async () => {
    const counts: NodeShare[] = [];
    let rows: readonly { id: string; seq: number }[] | Error = [];
    const asked: (() => void)[] = [];
    const store = {
      async nodes() {
        asked.shift()?.();
        if (rows instanceof Error) throw rows;
        return rows;
      },
    };
    const nextAsk = () => new Promise<void>((resolve) => asked.push(resolve));
    const nodes = await followNodes({ store, own: 2, onCount: (share) => counts.push(share), everyMs: 5 });
    expect(nodes.share()).toEqual({ own: 2, all: 2 });
    rows = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, seq: 1 }));
    await nextAsk();
    rows = new Error('away');
    await nextAsk();
    await nextAsk();
    expect(nodes.share()).toEqual({ own: 2, all: 5 });
    expect(counts).toEqual([{ own: 2, all: 5 }]);
    nodes.stop();
  });
});
