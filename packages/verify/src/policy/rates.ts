/** Rate limits, all in one step, so that a request is counted by all of them or by none. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { LimitOutcome, LimitRule } from '../ports.ts';
import { type Counter, costOf, count, type Terms, UNLIMITED } from './counting.ts';

const RATES: Counter<LimitRule, LimitOutcome> = {
  policy: 'limits',
  take: (rules, { ports, cost, mode }) => ports.limiter.take(rules, cost, mode),
  local: (rules, { limiter }, { cost, mode }) => limiter.take(rules, cost, mode),
};

export function takeLimits(
  rules: readonly LimitRule[],
  { circumstances, ports, mode }: Terms,
): MaybePromise<LimitOutcome> {
  if (rules.length === 0) return UNLIMITED;
  return count(RATES, rules, { ports, mode, cost: costOf(circumstances) });
}
