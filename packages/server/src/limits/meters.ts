/** What a quota and what credits have in common: how they stand, what spending does, and how that is undone. */
import type { BudgetRule, CreditRule, LimitState, MaybePromise, QuotaRule } from '@tessera/verify';
import { filledUp, refunded, spent } from '../core/credits.ts';
import { periodAt } from '../core/periods.ts';
import type { Reader, Store, Tx } from '../core/store-port.ts';
import { periodState } from './period-state.ts';

export interface Standing {
  readonly remaining: number;
  readonly limit: number;
  /** Which filling of the meter this is. */
  readonly generation: number;
}

export interface Meter {
  readonly rule: BudgetRule;
  look(store: Pick<Store, 'quotaUsed' | 'credits'>): MaybePromise<Standing>;
  /** How it stands afterwards; undefined where not as much is left, and then nothing was spent. */
  spend(tx: Tx): Promise<Standing | undefined>;
  /** Gives back what was spent when it stood so. */
  refund(tx: Tx, after: Standing): Promise<void>;
  stateOf(standing: Standing, admitted: boolean): LimitState;
}

export interface Spending {
  readonly cost: number;
  readonly now: number;
}

export function meterOf(rule: BudgetRule, spending: Spending): Meter {
  return rule.kind === 'credits' ? creditMeter(rule, spending) : quotaMeter(rule, spending);
}

function quotaMeter(rule: QuotaRule, { cost, now }: Spending): Meter {
  const { key, name, limit } = rule;
  const { key: period } = periodAt(rule.period, now);
  const standing = (used: number): Standing => ({ remaining: Math.max(0, limit - used), limit, generation: 0 });
  return {
    rule,
    look(store) {
      const used = store.quotaUsed(key, period);
      return used instanceof Promise ? used.then(standing) : standing(used);
    },
    async spend(tx) {
      const { used, allowed } = await tx.spendQuota(key, period, { cost, limit });
      return allowed ? standing(used) : undefined;
    },
    refund: (tx) => tx.refundQuota(key, period, cost),
    stateOf: ({ remaining }, admitted) => periodState({ name, limit, remaining, period: rule.period, admitted }, now),
  };
}

function creditMeter(rule: CreditRule, { cost, now }: Spending): Meter {
  const { key, name, refill = null } = rule;
  const read = async (reader: Pick<Reader, 'credits'>) => {
    const account = await reader.credits(key);
    // The token says that it has credits: without an account there is no telling how many.
    if (account === undefined) throw new Error(`token ${key} has no account of credits`);
    return filledUp(account, refill, now);
  };
  return {
    rule,
    look: async (store) => {
      const { remaining, granted, generation } = await read(store);
      return { remaining, limit: granted, generation };
    },
    async spend(tx) {
      const after = spent(await read(tx), cost);
      if (after === undefined) return undefined;
      await tx.putCredits(key, after);
      return { remaining: after.remaining, limit: after.granted, generation: after.generation };
    },
    async refund(tx, { generation }) {
      const account = await tx.credits(key);
      if (account !== undefined) await tx.putCredits(key, refunded(account, { cost, generation }));
    },
    stateOf: ({ remaining, limit }, admitted) =>
      periodState({ name, limit, remaining, period: refill?.period, admitted }, now),
  };
}
