/** Credits against a model that knows the whole history: what is refunded has never been, and a refill happens once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CreditAccount, filledUp, granted, type Refill, refunded, spent } from '../../src/core/credits.ts';
import { periodAt } from '../../src/core/periods.ts';

const START = Date.UTC(2026, 0, 30, 23);
const HOUR = 3_600_000;

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('spend' as const), cost: fc.integer({ min: 1, max: 9 }) }) },
    // One of the requests under way is given back.
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('refund' as const), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), hours: fc.integer({ min: 1, max: 20 }) }) },
  ),
  { maxLength: 40 },
);
const refills = fc.option(
  fc.record({ amount: fc.integer({ min: 1, max: 30 }), period: fc.constantFrom('day' as const, 'month' as const) }),
);

interface Spent {
  readonly cost: number;
  readonly at: number;
  readonly generation: number;
}

/** What is left after these requests alone, and no others: the account as if the rest had never been. */
function replay(start: number, refill: Refill | null, served: readonly Spent[], now: number): number {
  let left = start;
  let period = refill === null ? '' : periodAt(refill.period, START).key;
  const until = (time: number): void => {
    if (refill === null) return;
    const { key } = periodAt(refill.period, time);
    if (key > period) left = Math.max(left, refill.amount);
    period = key;
  };
  for (const { cost, at } of served) {
    until(at);
    left -= cost;
  }
  until(now);
  return left;
}

describe('credits', () => {
  it('stand as if what was refunded, within the period or the next, had never been spent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), refills, steps, (start, refill, all) => {
        let account: CreditAccount = granted(start, { refill, now: START });
        let now = START;
        let underWay: Spent[] = [];
        let served: Spent[] = [];
        for (const step of all) {
          account = filledUp(account, refill, now);
          if (step.kind === 'pass') {
            now += step.hours * HOUR;
            // A request does not outlive two refills: what is older is over, and was served.
            underWay = underWay.filter(({ generation }) => generation >= account.generation);
          } else if (step.kind === 'spend') {
            const after = spent(account, step.cost);
            expect(after === undefined).toBe(account.remaining < step.cost);
            if (after === undefined) continue;
            account = after;
            const one = { cost: step.cost, at: now, generation: account.generation };
            underWay.push(one);
            served.push(one);
          } else {
            const [one] = underWay.splice(step.which % Math.max(1, underWay.length), 1);
            if (one === undefined) continue;
            account = refunded(account, one);
            served = served.filter((other) => other !== one);
          }
          expect(account.remaining).toBeGreaterThanOrEqual(0);
          expect(account.remaining).toBeLessThanOrEqual(account.granted);
          expect(filledUp(account, refill, now).remaining).toBe(replay(start, refill, served, now));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are filled up once a period, whatever clocks say', () => {
    const refill = { amount: 10, period: 'day' } as const;
    const used = { ...granted(10, { refill, now: START }), remaining: 1 };
    expect(filledUp(used, refill, START)).toBe(used);
    const next = filledUp(used, refill, START + HOUR);
    expect(next).toMatchObject({ remaining: 10, granted: 10, added: 9 });
    const again = { ...next, remaining: 4 };
    expect(filledUp(again, refill, START + 2 * HOUR)).toBe(again);
    // Another node, whose clock is behind.
    expect(filledUp(again, refill, START)).toBe(again);
  });

  it('that were granted more than a refill keep it', () => {
    const refill = { amount: 10, period: 'month' } as const;
    const account = granted(25, { refill, now: START });
    expect(filledUp(account, refill, Date.UTC(2026, 1, 1))).toMatchObject({ remaining: 25, added: 0 });
  });

  it('that were granted anew hear of no refund from before', () => {
    const before = spent(granted(5, { refill: null, now: START }), 5);
    if (before === undefined) throw new Error('five of five can be spent');
    const after = granted(3, { refill: null, now: START, before });
    expect(refunded(after, { cost: 5, generation: before.generation }).remaining).toBe(3);
  });
});
