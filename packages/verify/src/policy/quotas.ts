/** Quotas and credits, all in one step: spent durably, by all of them or by none. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { BudgetRule, QuotaOutcome } from '../ports.ts';
import { costOf, count, type Terms, UNLIMITED } from './counting.ts';

export function takeQuotas(
  rules: readonly BudgetRule[],
  { circumstances, ports, mode }: Terms,
): MaybePromise<QuotaOutcome> {
  if (rules.length === 0) return UNLIMITED;
  const { quotas, local } = ports;
  const cost = costOf(circumstances);
  return count<BudgetRule, QuotaOutcome>(
    {
      policy: 'quotas',
      rules,
      take(all) {
        if (quotas === undefined) throw new Error('a quota cannot be judged here: no port for quotas');
        return quotas.take(all, cost, mode);
      },
      local: local && ((some) => local.quotas.take(some, cost, mode)),
    },
    ports,
  );
}
