/** What tokens were used for: counts by the hour, times of last use, quotas spent. */
import { sql } from 'kysely';
import type { LastUse, UsageCount } from '../../core/model.ts';
import type { Tx } from '../../core/store-port.ts';
import type { Inserts } from './inserts.ts';
import { bySize } from './sizes.ts';
import type { Db, UsageRow } from './tables.ts';

/** The one before is kept for a node whose clock is behind. */
const PERIODS_KEPT = 2;

/** Hours from `from` on and before `to`, oldest first. */
export async function usage(
  db: Db,
  token: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly UsageCount[]> {
  const rows = await db
    .selectFrom('usage')
    .selectAll()
    .where('token', '=', token)
    .where('hour', '>=', from)
    .where('hour', '<', to)
    .orderBy('hour')
    .execute();
  return rows.map(({ token, hour, allowed, denied }) => ({ token, hour, allowed, denied }));
}

export async function addUsage(db: Db, insert: Inserts['usage'], counts: readonly UsageCount[]): Promise<void> {
  const sums = new Map<string, UsageRow>();
  for (const { token, hour, allowed, denied } of counts) {
    const sum = sums.get(`${hour} ${token}`) ?? { allowed: 0, denied: 0 };
    sums.set(`${hour} ${token}`, { token, hour, allowed: sum.allowed + allowed, denied: sum.denied + denied });
  }
  await insert(db, [...sums.values()]);
}

/** Moves the last use of each secret on, never back. */
export type Touch = (db: Db, uses: readonly LastUse[]) => Promise<void>;

/** `dialect`: any connection of the database that it is for; `blob`: what that calls the type of a digest. */
export function createTouch(dialect: Db, blob: 'blob' | 'bytea'): Touch {
  const row = sql`(cast(${''} as ${sql.raw(blob)}), cast(${0} as bigint))`;
  const sized = bySize((size) => {
    const values = sql.join(new Array<typeof row>(size).fill(row));
    return sql`
      with used(digest, at) as (values ${values}), latest(digest, at) as (select digest, max(at) from used group by digest)
      update secrets set last_used_at = latest.at from latest
      where secrets.digest = latest.digest and (last_used_at is null or last_used_at < latest.at)`.compile(dialect);
  });
  return async (db, uses) => {
    for (const { query, rows } of sized(uses)) {
      await db.executeQuery({ ...query, parameters: rows.flatMap(({ digest, at }) => [digest, at]) });
    }
  };
}

export async function quotaUsed(db: Db, key: string, period: string): Promise<number> {
  const row = await db
    .selectFrom('quotas')
    .select('used')
    .where('key', '=', key)
    .where('period', '=', period)
    .executeTakeFirst();
  return row?.used ?? 0;
}

/** Reads, then writes: there is one writer at a time over all nodes. */
export async function spendQuota(
  db: Db,
  { key, period }: { readonly key: string; readonly period: string },
  { cost, limit }: Parameters<Tx['spendQuota']>[2],
): Promise<Awaited<ReturnType<Tx['spendQuota']>>> {
  const before = await quotaUsed(db, key, period);
  const used = before + cost;
  if (used > limit) return { used: before, allowed: false };
  await db
    .insertInto('quotas')
    .values({ key, period, used })
    .onConflict((conflict) => conflict.columns(['key', 'period']).doUpdateSet({ used }))
    .execute();
  if (before === 0) await dropOldPeriods(db, key);
  return { used, allowed: true };
}

/** Never below nothing: a period that was dropped has nothing to give back from. */
export async function refundQuota(
  db: Db,
  { key, period }: { readonly key: string; readonly period: string },
  cost: number,
): Promise<void> {
  await db
    .updateTable('quotas')
    .set((eb) => ({ used: eb('used', '-', cost) }))
    .where('key', '=', key)
    .where('period', '=', period)
    .where('used', '>=', cost)
    .execute();
}

async function dropOldPeriods(db: Db, key: string): Promise<void> {
  const kept = db
    .selectFrom('quotas')
    .select('period')
    .where('key', '=', key)
    .orderBy('period', 'desc')
    .limit(PERIODS_KEPT);
  await db.deleteFrom('quotas').where('key', '=', key).where('period', 'not in', kept).execute();
}
