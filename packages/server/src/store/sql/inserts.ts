/** The inserts that every mint makes, and every second of use, by the dozen in texts that are built once. */
import { type RawBuilder, sql } from 'kysely';
import { columnNames } from './column-names.ts';
import { bySize } from './sizes.ts';
import type { Db, Tables } from './tables.ts';

/** Inserts all rows, and answers how many went in. */
export type Insert<Row> = (db: Db, rows: readonly Row[]) => Promise<bigint>;

export interface Inserts {
  readonly tokens: Insert<Tables['tokens']>;
  /** A digest that is there already is passed over: an error would end PostgreSQL's transaction. */
  readonly secrets: Insert<Tables['secrets']>;
  readonly audit: Insert<Tables['audit']>;
  readonly changes: Insert<Tables['changes']>;
  /** Adds to what is counted already; no row may come twice, which PostgreSQL refuses. */
  readonly usage: Insert<Tables['usage']>;
}

/**
 * Requests of a token in an hour, at most: a hundred times what any number of nodes could answer, and a year of such hours can
 * still be added up exactly. Whoever reports more, again and again, must not make a number that cannot be read or added to.
 */
const MOST_IN_AN_HOUR = 1_000_000_000_000;

/** `dialect`: any connection of the database that the inserts are for. */
export function createInserts(dialect: Db): Inserts {
  return {
    tokens: createInsert(dialect, 'tokens', sql``),
    secrets: createInsert(dialect, 'secrets', sql`on conflict (digest) do nothing`),
    audit: createInsert(dialect, 'audit', sql``),
    changes: createInsert(dialect, 'changes', sql``),
    usage: createInsert(
      dialect,
      'usage',
      sql`on conflict (token, hour) do update set allowed = ${sumOf('allowed')}, denied = ${sumOf('denied')}`,
    ),
  };
}

function sumOf(column: 'allowed' | 'denied'): RawBuilder<number> {
  const sum = sql`${sql.ref(`usage.${column}`)} + ${sql.ref(`excluded.${column}`)}`;
  const most = sql.lit(MOST_IN_AN_HOUR);
  return sql<number>`case when ${sum} < ${most} then ${sum} else ${most} end`;
}

function createInsert<T extends keyof Inserts>(dialect: Db, table: T, tail: RawBuilder<unknown>): Insert<Tables[T]> {
  const names: readonly (keyof Tables[T] & string)[] = columnNames[table] as never;
  const columns = sql.join(names.map((name) => sql.ref(name)));
  const sized = bySize((size) => {
    const row = sql`(${sql.join(names)})`;
    const rows = sql.join(new Array<typeof row>(size).fill(row));
    return sql`insert into ${sql.table(table)} (${columns}) values ${rows} ${tail}`.compile(dialect);
  });
  return async (db, all) => {
    let inserted = 0n;
    for (const { query, rows } of sized(all)) {
      const parameters = rows.flatMap((row) => names.map((name) => row[name]));
      const result = await db.executeQuery({ ...query, parameters });
      inserted += result.numAffectedRows ?? 0n;
    }
    return inserted;
  };
}
