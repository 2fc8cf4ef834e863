/** Quotas and credits, all in one step: spent durably, by all of them or by none. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { BudgetRule, QuotaOutcome } from '../ports.ts';
import { type Counter, costOf, count, type Terms, UNLIMITED } from './counting.ts';

const QUOTAS: Counter<BudgetRule, QuotaOutcome> = {
  policy: 'quotas',
  take(rules, { ports, cost, mode }) {
    if (ports.quotas === undefined) throw new Error('a quota cannot be judged here: no port for quotas');
    return ports.quotas.take(rules, cost, mode);
  },
  local: (rules, { quotas }, { cost, mode }) => quotas.take(rules, cost, mode),
};

export function takeQuotas(
  rules: readonly BudgetRule[],
  { circumstances, ports, mode }: Terms,
): MaybePromise<QuotaOutcome> {
  if (rules.length === 0) return UNLIMITED;
  return count(QUOTAS, rules, { ports, mode, cost: costOf(circumstances) });
}
