/** The change feed as rows. `seq` has no gaps and follows the order of commits, because there is one writer at a time. */
import type { Change } from '../../core/model.ts';
import type { Reader } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import type { ChangeRow, Db } from './tables.ts';

export async function changes(db: Db, filter: Parameters<Reader['changes']>[0]): Promise<readonly Change[]> {
  const { workspace, since, limit } = filter;
  let query = db.selectFrom('changes').selectAll().where('seq', '>', since);
  if (workspace !== undefined) query = query.where('workspace', '=', workspace);
  const rows = await query.orderBy('seq').limit(limit).execute();
  return rows.map(changeOf);
}

export async function latestChange(db: Db): Promise<number> {
  const [row] = await readLatest(db);
  return row?.seq ?? 0;
}

const readLatest = builtQuery((db) => db.selectFrom('changes').select((eb) => eb.fn.max('seq').as('seq')));

/** 0: there is none. */
export async function latestChangeUpTo(db: Db, workspace: string, seq: number): Promise<number> {
  const row = await db
    .selectFrom('changes')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .where('workspace', '=', workspace)
    .where('seq', '<=', seq)
    .executeTakeFirst();
  return row?.seq ?? 0;
}

export function changeOf({ seq, at, workspace, kind, id, signed_until: signedUntil }: ChangeRow): Change {
  return { seq, at, workspace, kind: kind as Change['kind'], id, ...(signedUntil !== null && { signedUntil }) };
}
