/** The memory of used proofs: complete for as long as it matters, and bounded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryReplays } from '../src/index.ts';

const START = 1_000_000_000_000;

describe('a claim', () => {
  it('holds until its end, and not after', () => {
    const { clock, replays } = store();
    expect(replays.claim('a', START + 60_000)).toBe(true);
    expect(replays.claim('a', START + 60_000)).toBe(false);
    clock.at = START + 59_999;
    expect(replays.claim('a', START + 120_000)).toBe(false);
    clock.at = START + 61_000;
    expect(replays.claim('a', START + 120_000)).toBe(true);
  });

  it('is never forgotten before its end and never kept a second longer, in any order', () => {
    const step = fc.record({
      wait: fc.nat({ max: 2000 }),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      life: fc.integer({ min: 1, max: 5000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, replays } = store();
        const model = new Map<string, number>();
        for (const { wait, key, life } of steps) {
          clock.at += wait;
          const until = model.get(key) ?? 0;
          const isFirst = replays.claim(key, clock.at + life);
          if (clock.at <= until) expect(isFirst).toBe(false);
          if (clock.at >= until + 1000) expect(isFirst).toBe(true);
          if (isFirst) model.set(key, clock.at + life);
        }
      }),
    );
  });

  it('that could have been made before is refused where the clock was set back', () => {
    const { clock, replays } = store();
    expect(replays.claim('a', START + 60_000)).toBe(true);
    clock.at = START + 120_000;
    expect(replays.claim('b', START + 180_000)).toBe(true);
    clock.at = START;
    expect(() => replays.claim('a', START + 60_000)).toThrow('the clock is behind the claims that have ended');
  });
});

describe('the store', () => {
  it('when full refuses, forgets none that holds, and has room again when they end', () => {
    const { clock, replays } = store(3);
    for (const key of ['a', 'b', 'c']) expect(replays.claim(key, START + 60_000)).toBe(true);
    expect(() => replays.claim('d', START + 60_000)).toThrow('the store of used proofs is full');
    for (const key of ['a', 'b', 'c']) expect(replays.claim(key, START + 60_000)).toBe(false);
    clock.at = START + 61_000;
    expect(replays.claim('d', START + 120_000)).toBe(true);
    expect(replays.size).toBe(1);
  });

  it('leaves room for everybody else where one holder takes all it may, and gives it back when it ends', () => {
    const { clock, replays } = store(20);
    for (const key of ['a', 'b']) expect(replays.claim(key, START + 60_000, 'greedy')).toBe(true);
    expect(() => replays.claim('c', START + 60_000, 'greedy')).toThrow('too many proofs of one key at once');
    expect(replays.claim('d', START + 60_000, 'other')).toBe(true);
    clock.at = START + 61_000;
    expect(replays.claim('c', START + 120_000, 'greedy')).toBe(true);
  });

  it('stays bounded under a million claims', () => {
    const { clock, replays } = store(20_000);
    let largest = 0;
    for (let count = 0; count < 1_000_000; count += 1) {
      clock.at += 10;
      replays.claim(`claim ${count}`, clock.at + 120_000);
      largest = Math.max(largest, replays.size);
    }
    expect(largest).toBeLessThanOrEqual(12_200);
    clock.at += 200_000;
    replays.claim('last', clock.at + 1);
    expect(replays.size).toBe(1);
  });
});

function store(max?: number) {
  const clock = { at: START, now: () => clock.at };
  return { clock, replays: memoryReplays({ clock, ...(max !== undefined && { max }) }) };
}
