/** The verifiers as rows. Their times are the database's own, as those of nodes. */
import { sql } from 'kysely';
import type { Tx, VerifierReport } from '../../core/store-port.ts';
import type { DatabaseTime } from './nodes.ts';
import type { Db } from './tables.ts';
import { roomFor } from './verifier-room.ts';

/** Rows of one statement. */
const CHUNK = 100;
/** In the place of a position: it has said goodbye. The row stays, since another node may still be about to write what it was told before. */
const GONE = -1;

export async function countVerifiers(
  db: Db,
  now: DatabaseTime,
  { workspace, seq }: { readonly workspace: string; readonly seq: number },
): Promise<{ readonly total: number; readonly confirmed: number }> {
  const row = await db
    .selectFrom('verifiers')
    .select((eb) => [
      eb.fn.countAll<number>().as('total'),
      eb.fn.sum<number | null>(eb.case().when('seq', '>=', seq).then(1).else(0).end()).as('confirmed'),
    ])
    .where('workspace', '=', workspace)
    .where('live_until', '>', now)
    .where('seq', '<>', GONE)
    .executeTakeFirstOrThrow();
  return { total: Number(row.total), confirmed: Number(row.confirmed ?? 0) };
}

/** As `Tx.putVerifiers`: those that are gone make room first. */
export async function putVerifiers(
  db: Db,
  now: DatabaseTime,
  { reports, liveMs, most }: Parameters<Tx['putVerifiers']>[0],
): Promise<void> {
  await db.deleteFrom('verifiers').where('live_until', '<=', now).execute();
  for (const [workspace, own] of Map.groupBy(reports, (report) => report.workspace)) {
    const taken = await thatFit(db, workspace, { reports: own, most });
    for (let start = 0; start < taken.length; start += CHUNK)
      await upsert(db, taken.slice(start, start + CHUNK), sql<number>`${now} + ${sql.lit(liveMs)}`);
  }
}

export async function dropVerifier(
  db: Db,
  { workspace, token, verifier }: Parameters<Tx['dropVerifier']>[0],
): Promise<void> {
  await db
    .updateTable('verifiers')
    .set({ seq: GONE })
    .where('workspace', '=', workspace)
    .where('token', '=', token)
    .where('id', '=', verifier)
    .execute();
}

async function thatFit(
  db: Db,
  workspace: string,
  { reports, most }: { readonly reports: readonly VerifierReport[]; readonly most: number },
): Promise<readonly VerifierReport[]> {
  const rows = await db
    .selectFrom('verifiers')
    .select(['token', 'id', 'seq', 'live_until'])
    .where('workspace', '=', workspace)
    .execute();
  const known = rows.map(({ token, id, seq, live_until: liveUntil }) => ({
    token,
    id,
    isGone: seq === GONE,
    liveUntil,
  }));
  const { taken, dropped } = roomFor(known, reports, most);
  for (const [token, of] of Map.groupBy(dropped, (one) => one.token))
    for (let start = 0; start < of.length; start += CHUNK)
      await db
        .deleteFrom('verifiers')
        .where('workspace', '=', workspace)
        .where('token', '=', token)
        .where(
          'id',
          'in',
          of.slice(start, start + CHUNK).map(({ id }) => id),
        )
        .execute();
  return taken;
}

async function upsert(db: Db, reports: readonly VerifierReport[], liveUntil: DatabaseTime): Promise<void> {
  const rows = reports.map(({ workspace, token, verifier, seq }) => ({
    workspace,
    token,
    id: verifier,
    seq,
    live_until: liveUntil,
  }));
  await db
    .insertInto('verifiers')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['workspace', 'token', 'id'])
        .doUpdateSet((eb) => ({
          seq: eb.ref('excluded.seq'),
          live_until: eb.ref('excluded.live_until'),
        }))
        .where('verifiers.seq', '<>', GONE),
    )
    .execute();
}
