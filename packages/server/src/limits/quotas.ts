/** Quotas and credits, counted in the store: what was answered `allowed` is durable, and so is what is given back. */
import { type Clock, chain, type LimitState, type MaybePromise, type QuotaOutcome, type Quotas } from '@tessera/verify';
import type { Store, Tx } from '../core/store-port.ts';
import { type Meter, meterOf, type Standing } from './meters.ts';
import { once } from './once.ts';
import { requireCost, requireDistinctKeys } from './preconditions.ts';
import type { Refunds } from './refunds.ts';

export interface StoredQuotasOptions {
  readonly store: Pick<Store, 'quotaUsed' | 'credits' | 'write'>;
  readonly clock: Clock;
  readonly refunds: Pick<Refunds, 'give'>;
}

/**
 * Quotas and credits over a store. A refusal is read and costs no write: what is used up stays so until its period ends,
 * somebody adds to it, or a request that is under way is refunded.
 *
 * @throws RangeError from `take` for a cost that is not a whole number from 1
 * @throws Error from `take` where two rules share a key; it rejects with what the store throws
 */
export function storedQuotas({ store, clock, refunds }: StoredQuotasOptions): Quotas {
  return {
    take(rules, cost, mode) {
      requireCost(cost);
      requireDistinctKeys(rules);
      const now = clock.now();
      const meters = rules.map((rule) => meterOf(rule, { cost, now }));
      return chain(outcomeNow(store, meters, cost), (outcome) =>
        mode === 'peek' || !outcome.allowed ? outcome : spend({ store, refunds }, meters, cost),
      );
    },
  };
}

/** Thrown to undo what the earlier meters of one request were charged. */
class QuotaRefused extends Error {
  override readonly name = 'QuotaRefused';
}

function outcomeNow(
  store: StoredQuotasOptions['store'],
  meters: readonly Meter[],
  cost: number,
): MaybePromise<QuotaOutcome> {
  const standings = meters.map((meter) => meter.look(store));
  if (standings.every(isHere)) return outcome(meters, standings, cost);
  return Promise.all(standings.map(async (standing) => standing)).then((all) => outcome(meters, all, cost));
}

function isHere(standing: MaybePromise<Standing>): standing is Standing {
  return !(standing instanceof Promise);
}

async function spend(
  { store, refunds }: Pick<StoredQuotasOptions, 'store' | 'refunds'>,
  meters: readonly Meter[],
  cost: number,
): Promise<QuotaOutcome> {
  try {
    const after = await store.write((tx) => spendAll(tx, meters));
    const states = meters.map((meter, index) => meter.stateOf(after[index] ?? NOTHING_LEFT, true));
    const refund = once(() => refunds.give((tx) => refundAll(tx, meters, after)));
    return { allowed: true, states, refund };
  } catch (error) {
    if (!(error instanceof QuotaRefused)) throw error;
    // Another request took what was left meanwhile; that one more was refunded since does not make this one pass.
    return { ...(await outcomeNow(store, meters, cost)), allowed: false };
  }
}

async function spendAll(tx: Tx, meters: readonly Meter[]): Promise<readonly Standing[]> {
  const after: Standing[] = [];
  for (const meter of meters) {
    const standing = await meter.spend(tx);
    if (standing === undefined) throw new QuotaRefused(meter.rule.key);
    after.push(standing);
  }
  return after;
}

async function refundAll(tx: Tx, meters: readonly Meter[], after: readonly Standing[]): Promise<void> {
  for (const [index, meter] of meters.entries()) await meter.refund(tx, after[index] ?? NOTHING_LEFT);
}

const NOTHING_LEFT: Standing = Object.freeze({ remaining: 0, limit: 0, generation: -1 });

/** Whether the cost would pass as the meters stand. */
function outcome(meters: readonly Meter[], standings: readonly Standing[], cost: number): QuotaOutcome {
  const states: LimitState[] = [];
  let allowed = true;
  let detail: string | undefined;
  for (const [index, meter] of meters.entries()) {
    const standing = standings[index] ?? NOTHING_LEFT;
    const admitted = cost <= standing.remaining;
    if (!admitted && meter.rule.kind === 'credits') detail = 'credits are used up';
    allowed &&= admitted;
    states.push(meter.stateOf(standing, admitted));
  }
  return { allowed, states, detail };
}
