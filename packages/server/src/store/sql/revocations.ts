/** Many tokens at once, by what they have in common. */
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Token } from '../../core/model.ts';
import type { Selection } from '../../core/store-port.ts';
import { line } from './signed.ts';
import type { Db, Tables } from './tables.ts';
import { tokenOf } from './tokens.ts';

export async function revokeSelected(
  db: Db,
  which: Selection,
  { at, reason }: { readonly at: number; readonly reason: string },
): Promise<number> {
  const result = await db
    .updateTable('tokens')
    .set((eb) => ({ revoked_at: at, revoked_reason: reason, updated_at: at, version: eb('version', '+', 1) }))
    .where((eb) => chosen(db, eb, which))
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

export async function selected(
  db: Db,
  which: Selection,
  { api, limit }: { readonly api: string; readonly limit: number },
): Promise<readonly Token[]> {
  const rows = await db
    .selectFrom('tokens')
    .selectAll()
    .where((eb) => chosen(db, eb, which))
    .where('api', '=', api)
    .limit(limit)
    .execute();
  return rows.map((row) => tokenOf(row, null));
}

export async function parentsAmong(db: Db, which: Selection): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('tokens')
    .select('id')
    .where((eb) => chosen(db, eb, which))
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('tokens as below')
          .select('below.id')
          .whereRef('below.workspace', '=', 'tokens.workspace')
          .whereRef('below.parent', '=', 'tokens.id'),
      ),
    )
    .execute();
  return rows.map(({ id }) => id);
}

/** Of those that are not revoked; the root token is ended by its setting alone. */
function chosen(
  db: Db,
  eb: ExpressionBuilder<Tables, 'tokens'>,
  { workspace, by, id, before, after, except }: Selection,
): Expression<SqlBool> {
  const root = eb.selectFrom('meta').select('meta.value').where('meta.key', '=', 'root_token');
  return eb.and([
    eb('tokens.workspace', '=', workspace),
    eb('tokens.revoked_at', 'is', null),
    eb('tokens.id', 'not in', root),
    ...(before === undefined ? [] : [eb('tokens.created_at', '<', before)]),
    ...(after === undefined ? [] : [eb('tokens.created_at', '>', after)]),
    ...(except === undefined ? [] : [eb('tokens.id', '!=', except)]),
    ...having(db, eb, { workspace, by, id }),
  ]);
}

function having(
  db: Db,
  eb: ExpressionBuilder<Tables, 'tokens'>,
  { workspace, by, id }: Pick<Selection, 'workspace' | 'by' | 'id'>,
): readonly Expression<SqlBool>[] {
  switch (by) {
    case 'owner':
    case 'api':
    case 'client':
    case 'session':
      return [eb(`tokens.${by}`, '=', id)];
    case 'parent':
      return [eb('tokens.id', 'in', line(db, workspace, id)), eb('tokens.id', '!=', id)];
    case 'key':
      return [
        eb('tokens.id', 'in', eb.selectFrom('secrets').select('secrets.token').where('secrets.signed_with', '=', id)),
      ];
    case 'prefix':
      return [eb.exists(secretStartingWith(eb, id))];
    case 'all':
      return [];
  }
}

/** The hint of a secret is the start of its text, three dots, and its end. */
function secretStartingWith(eb: ExpressionBuilder<Tables, 'tokens'>, prefix: string) {
  const starts = (start: string) => sql<SqlBool>`substr(secrets.hint, 1, ${sql.lit(start.length)}) = ${start}`;
  return eb
    .selectFrom('secrets')
    .select('secrets.token')
    .whereRef('secrets.token', '=', 'tokens.id')
    .where((inner) => inner.or([starts(`${prefix}_`), starts(`${prefix}…`)]));
}
