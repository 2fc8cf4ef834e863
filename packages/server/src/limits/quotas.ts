/** Quotas of a calendar day or month (UTC), counted in the store: what was answered `allowed` is durable. */
import {
  type Clock,
  chain,
  type LimitOutcome,
  type LimitState,
  type MaybePromise,
  type QuotaRule,
  type Quotas,
} from '@tessera/verify';
import type { Store } from '../core/store-port.ts';
import { requireCost, requireDistinctKeys } from './preconditions.ts';

export interface StoredQuotasOptions {
  readonly store: Pick<Store, 'quotaUsed' | 'write'>;
  readonly clock: Clock;
}

/**
 * Quotas over a store. A refusal is read and costs no write: what is used up stays so until its period ends.
 *
 * @throws RangeError from `take` for a cost that is not a whole number from 1
 * @throws Error from `take` where two rules share a key; it rejects with what the store throws
 */
export function storedQuotas({ store, clock }: StoredQuotasOptions): Quotas {
  return {
    take(rules, cost, mode) {
      requireCost(cost);
      requireDistinctKeys(rules);
      const now = clock.now();
      const asked = rules.map((rule) => ({ rule, cost, now, period: periodAt(rule.period, now) }));
      return chain(outcomeNow(store, asked), (outcome) =>
        mode === 'peek' || !outcome.allowed ? outcome : spend(store, asked),
      );
    },
  };
}

interface Asked {
  readonly rule: QuotaRule;
  readonly cost: number;
  readonly now: number;
  readonly period: Period;
}

interface Period {
  /** `2026-11-22` or `2026-11`. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** Thrown to undo what the earlier quotas of one request were charged. */
class QuotaRefused extends Error {
  override readonly name = 'QuotaRefused';
}

function outcomeNow(store: StoredQuotasOptions['store'], asked: readonly Asked[]): MaybePromise<LimitOutcome> {
  const used = asked.map(({ rule, period }) => store.quotaUsed(rule.key, period.key));
  if (used.every((value) => typeof value === 'number')) return outcome(asked, used);
  return Promise.all(used.map(async (value) => value)).then((all) => outcome(asked, all));
}

async function spend(store: StoredQuotasOptions['store'], asked: readonly Asked[]): Promise<LimitOutcome> {
  try {
    const used = await store.write(async (tx) => {
      const after: number[] = [];
      for (const { rule, cost, period } of asked) {
        const charged = await tx.spendQuota(rule.key, period.key, { cost, limit: rule.limit });
        if (!charged.allowed) throw new QuotaRefused(rule.key);
        after.push(charged.used);
      }
      return after;
    });
    return { allowed: true, states: asked.map((one, index) => stateOf(one, used[index] ?? one.rule.limit, true)) };
  } catch (error) {
    if (!(error instanceof QuotaRefused)) throw error;
    // Another request took what was left meanwhile. Within a period what is used only grows, so this is a refusal too.
    return { ...(await outcomeNow(store, asked)), allowed: false };
  }
}

/** Whether the cost would pass with so much used of each quota. */
function outcome(asked: readonly Asked[], used: readonly number[]): LimitOutcome {
  const states = asked.map((one, index) => {
    const usedNow = used[index] ?? one.rule.limit;
    return stateOf(one, usedNow, usedNow + one.cost <= one.rule.limit);
  });
  return { allowed: states.every((state) => state.retryAfterSeconds === 0), states };
}

function stateOf({ rule, now, period }: Asked, used: number, admitted: boolean): LimitState {
  const resetSeconds = Math.ceil((period.end - now) / 1000);
  return {
    name: rule.name,
    limit: rule.limit,
    windowSeconds: (period.end - period.start) / 1000,
    remaining: Math.max(0, rule.limit - used),
    resetSeconds,
    retryAfterSeconds: admitted ? 0 : resetSeconds,
  };
}

function periodAt(period: QuotaRule['period'], now: number): Period {
  const at = new Date(now);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const date = at.toISOString();
  return period === 'day'
    ? { key: date.slice(0, 10), start: Date.UTC(year, month, day), end: Date.UTC(year, month, day + 1) }
    : { key: date.slice(0, 7), start: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
}
