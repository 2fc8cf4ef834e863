/** The nodes as rows. Their times are the database's own: clocks of nodes differ, and who is alive is asked from all of them. */
import { type RawBuilder, sql } from 'kysely';
import type { NodeReport } from '../../core/store-port.ts';
import type { Db } from './tables.ts';

/** The database's time in milliseconds since the epoch, in the words of its dialect. */
export type DatabaseTime = RawBuilder<number>;

export async function nodes(db: Db, now: DatabaseTime): Promise<readonly NodeReport[]> {
  return db.selectFrom('nodes').select(['id', 'seq']).where('live_until', '>', now).orderBy('id').execute();
}

/** Rows of nodes that ended without a word go with the next report of another. */
export async function putNode(
  db: Db,
  now: DatabaseTime,
  { id, seq, liveMs }: NodeReport & { readonly liveMs: number },
): Promise<void> {
  const row = { seq, at: now, live_until: sql<number>`${now} + ${sql.lit(liveMs)}` };
  await db
    .insertInto('nodes')
    .values({ id, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
  await db.deleteFrom('nodes').where('live_until', '<=', now).execute();
}

export async function dropNode(db: Db, id: string): Promise<void> {
  await db.deleteFrom('nodes').where('id', '=', id).execute();
}
