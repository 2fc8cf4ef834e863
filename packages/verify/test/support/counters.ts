/** The smallest honest limiter and quotas: so many a window that never ends, counted by key, all rules or none. */
import type { BudgetRule, Limiter, LimitOutcome, LimitRule, Quotas } from '../../src/index.ts';

export interface Counters extends Limiter {
  /** Spent so far, by key. */
  readonly spent: ReadonlyMap<string, number>;
}

export function counters(): Counters & Quotas {
  const spent = new Map<string, number>();
  return {
    spent,
    take(rules: readonly (LimitRule | BudgetRule)[], cost: number, mode: 'spend' | 'peek'): LimitOutcome {
      const wanted = rules.map((rule) => ({
        // Credits are a number that nothing here refills.
        rule: 'limit' in rule ? rule : { ...rule, limit: rule.refill?.amount ?? 0 },
        used: spent.get(rule.key) ?? 0,
        price: cost * ('cost' in rule ? rule.cost : 1),
      }));
      const allowed = wanted.every(({ rule, used, price }) => used + price <= rule.limit);
      if (allowed && mode === 'spend') for (const { rule, used, price } of wanted) spent.set(rule.key, used + price);
      return {
        allowed,
        states: wanted.map(({ rule, used, price }) => ({
          name: rule.name,
          limit: rule.limit,
          windowSeconds: 'windowSeconds' in rule ? rule.windowSeconds : 86_400,
          remaining: Math.max(0, rule.limit - (spent.get(rule.key) ?? 0)),
          resetSeconds: 60,
          retryAfterSeconds: used + price <= rule.limit ? 0 : 60,
        })),
      };
    },
  };
}
