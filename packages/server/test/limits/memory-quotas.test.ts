/** Quotas that stand in while the store is away: exact here, by period, bounded, and never for credits. */
import type { BudgetRule, QuotaOutcome } from '@tessera/verify';
import { describe, expect, it } from 'vitest';
import { memoryQuotas } from '../../src/limits/memory-quotas.ts';
import { handClock, START } from './support.ts';

const DAY = 86_400_000;
const daily = (parts: object = {}): BudgetRule => ({ key: 'q', name: 'daily', limit: 3, period: 'day', ...parts });

function setUp() {
  const clock = handClock(START);
  const quotas = memoryQuotas({ clock });
  const take = (rules: readonly BudgetRule[], cost = 1, mode: 'spend' | 'peek' = 'spend') =>
    quotas.take(rules, cost, mode) as QuotaOutcome;
  return { clock, take };
}

describe('quotas in memory', () => {
  it('let as many pass as they hold, in each period, all or none', () => {
    const { clock, take } = setUp();
    const monthly = daily({ key: 'm', period: 'month', limit: 5 });
    expect(take([daily(), monthly], 3).allowed).toBe(true);
    expect(take([daily(), monthly]).allowed).toBe(false);
    expect(take([monthly], 1, 'peek').states).toMatchObject([{ remaining: 2, retryAfterSeconds: 0 }]);
    clock.time += DAY;
    expect(take([daily(), monthly], 3).allowed).toBe(false);
    expect(take([daily(), monthly], 2).allowed).toBe(true);
    expect(take([monthly]).states).toMatchObject([{ remaining: 0, retryAfterSeconds: 655_200 }]);
  });

  it('take back what was not served, once', () => {
    const { take } = setUp();
    const { refund } = take([daily()], 3);
    refund?.();
    refund?.();
    expect(take([daily()], 3).allowed).toBe(true);
    expect(take([daily()]).allowed).toBe(false);
  });

  it('keep nothing of a month that is over', () => {
    const { clock, take } = setUp();
    for (let key = 0; key < 100_000; key += 1) take([daily({ key: `q${key}` })]);
    expect(() => take([daily({ key: 'one more' })])).toThrow('too many quotas are counted in memory');
    clock.time += 31 * DAY;
    expect(take([daily({ key: 'one more' })]).allowed).toBe(true);
  });

  it('do not guess how many credits there are', () => {
    const { take } = setUp();
    expect(() => take([{ kind: 'credits', key: 'tok_1', name: 'credits', refill: undefined }])).toThrow(
      'credits are known to the store alone',
    );
  });
});
