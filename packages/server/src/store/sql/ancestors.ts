/** The tokens that one descends from, in one statement, however long the line is. */
import { type CompiledQuery, sql } from 'kysely';
import type { Token } from '../../core/model.ts';
import { builtQuery } from './built.ts';
import { columnsOf, type JoinedRow, part, partAt } from './joined.ts';
import type { Db, TokenRow } from './tables.ts';
import { tokenOf } from './tokens.ts';

/** Lines are shorter (`core/tokens/children`): whatever is in the store, no read goes on for ever. */
const MOST = 16;

/** The statement's text, for a store to prepare; its only parameter is the id of the nearest. */
export function ancestorsStatement(db: Db): CompiledQuery {
  return line(db).compile();
}

/** From the statement's answer as lists of values. */
export function ancestorsOf(rows: readonly (readonly unknown[])[]): readonly Token[] {
  return rows.map((values) => tokenOf(partAt('tokens', values, 0) as TokenRow, null));
}

/** From the nearest, which is the parent, on; none where there is no such token. */
export async function ancestors(db: Db, parent: string): Promise<readonly Token[]> {
  const rows = await readLine(db, parent);
  return rows.map((row) => tokenOf(part('tokens', row as JoinedRow), null));
}

const readLine = builtQuery((db) => line(db));

function line(db: Db) {
  return db
    .withRecursive('line(id, depth)', (base) =>
      base
        .selectFrom('tokens')
        .select(['tokens.id', sql<number>`1`.as('depth')])
        .where('tokens.id', '=', '')
        .unionAll(
          base
            .selectFrom('line')
            .innerJoin('tokens as below', 'below.id', 'line.id')
            .innerJoin('tokens as above', (join) =>
              join.onRef('above.id', '=', 'below.parent').onRef('above.workspace', '=', 'below.workspace'),
            )
            .select(['above.id', sql<number>`line.depth + 1`.as('depth')])
            .where('line.depth', '<', sql.lit(MOST)),
        ),
    )
    .selectFrom('line')
    .innerJoin('tokens', 'tokens.id', 'line.id')
    .select(columnsOf('tokens'))
    .orderBy('line.depth');
}
