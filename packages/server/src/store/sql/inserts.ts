/**
 * The inserts that every mint makes, and every second of use. Their texts are built once, since building costs more than running them; and rows
 * go in by the dozen, in statements of a few sizes only, so that each is prepared once.
 */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely';
import { columnNames } from './column-names.ts';
import type { Db, Tables } from './tables.ts';

const LARGEST = 64;

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
      sql`on conflict (token, hour) do update set allowed = usage.allowed + excluded.allowed, denied = usage.denied + excluded.denied`,
    ),
  };
}

function createInsert<T extends keyof Inserts>(dialect: Db, table: T, tail: RawBuilder<unknown>): Insert<Tables[T]> {
  const names: readonly (keyof Tables[T] & string)[] = columnNames[table] as never;
  const statements = new Map<number, CompiledQuery>();
  const statement = (size: number): CompiledQuery => {
    const known = statements.get(size);
    if (known !== undefined) return known;
    const row = sql`(${sql.join(names)})`;
    const rows = sql.join(new Array<typeof row>(size).fill(row));
    const columns = sql.join(names.map((name) => sql.ref(name)));
    const built = sql`insert into ${sql.table(table)} (${columns}) values ${rows} ${tail}`.compile(dialect);
    statements.set(size, built);
    return built;
  };
  return async (db, rows) => {
    let inserted = 0n;
    for (let start = 0; start < rows.length; ) {
      const size = sizeFor(rows.length - start);
      const parameters = rows.slice(start, start + size).flatMap((row) => names.map((name) => row[name]));
      const result = await db.executeQuery({ ...statement(size), parameters });
      inserted += result.numAffectedRows ?? 0n;
      start += size;
    }
    return inserted;
  };
}

/** The largest power of two that is not more than what is left. */
function sizeFor(left: number): number {
  return Math.min(LARGEST, 2 ** Math.floor(Math.log2(left)));
}
