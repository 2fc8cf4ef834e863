/** Rate limits, all in one step, so that a request is counted by all of them or by none. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { LimitOutcome, LimitRule } from '../ports.ts';
import { costOf, count, type Terms, UNLIMITED } from './counting.ts';

export function takeLimits(
  rules: readonly LimitRule[],
  { circumstances, ports, mode }: Terms,
): MaybePromise<LimitOutcome> {
  if (rules.length === 0) return UNLIMITED;
  const { limiter, local } = ports;
  const cost = costOf(circumstances);
  return count<LimitRule, LimitOutcome>(
    {
      policy: 'limits',
      rules,
      take: (all) => limiter.take(all, cost, mode),
      local: local && ((some) => local.limiter.take(some, cost, mode)),
    },
    ports,
  );
}
