/** Quotas in the memory of this process, for policies with `onFault: local` while the store does not answer. */
import type { BudgetRule, Clock, QuotaRule, Quotas } from '@tessera/verify';
import { periodAt } from '../core/periods.ts';
import { once } from './once.ts';
import { periodState } from './period-state.ts';
import { requireCost, requireDistinctKeys } from './preconditions.ts';

/** Counters at once, some 20 MB: those of this month. Where all are taken, what needs another one is a fault. */
const MOST_KEYS = 100_000;

/**
 * Starts from nothing in each period, since what was used is in the store: while that is away, each process lets at most
 * the whole limit pass. What was counted here is not added to the store afterwards.
 *
 * @throws Error from `take` for credits, which nobody may guess, and where no more counters can be kept
 */
export function memoryQuotas({ clock }: { readonly clock: Clock }): Quotas {
  const used = new Map<string, number>();
  let day = '';

  /** Keys hold their period: those of a day that is over are dropped with it, those of a month stay. */
  const keep = (now: number): void => {
    const today = periodAt('day', now).key;
    if (today === day) return;
    day = today;
    const month = periodAt('month', now).key;
    for (const key of used.keys()) if (!key.startsWith(`${month} `)) used.delete(key);
  };

  return {
    take(rules, cost, mode) {
      requireCost(cost);
      requireDistinctKeys(rules);
      const now = clock.now();
      keep(now);
      const asked = rules.map((rule) => countedHere(rule, now));
      const allowed = asked.every(({ key, rule }) => (used.get(key) ?? 0) + cost <= rule.limit);
      const spends = allowed && mode === 'spend';
      if (spends) {
        if (used.size + asked.length > MOST_KEYS) throw new Error('too many quotas are counted in memory');
        for (const { key } of asked) used.set(key, (used.get(key) ?? 0) + cost);
      }
      const states = asked.map(({ key, rule }) => {
        const usedNow = used.get(key) ?? 0;
        const remaining = Math.max(0, rule.limit - usedNow);
        return periodState({ ...rule, remaining, admitted: spends || usedNow + cost <= rule.limit }, now);
      });
      const giveBack = (): void => {
        for (const { key } of asked) used.set(key, Math.max(0, (used.get(key) ?? 0) - cost));
      };
      return { allowed, states, refund: spends ? once(giveBack) : undefined };
    },
  };
}

interface Counted {
  readonly rule: QuotaRule;
  readonly key: string;
}

function countedHere(rule: BudgetRule, now: number): Counted {
  if (rule.kind === 'credits') throw new Error('credits are known to the store alone');
  return { rule, key: `${periodAt(rule.period, now).key} ${rule.key}` };
}
