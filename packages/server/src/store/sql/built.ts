/** Queries that are built once for a dialect and then run with other parameters: building costs more than running them. */
import type { Compilable, CompiledQuery } from 'kysely';
import type { Db } from './tables.ts';

/** The rows for these parameters, given in the order in which the query names them. */
export type BuiltQuery<Row> = (db: Db, ...parameters: readonly unknown[]) => Promise<readonly Row[]>;

/** `build` makes the query with any values in the places of its parameters, as many at every run. */
export function builtQuery<Row>(build: (db: Db) => Compilable<Row>): BuiltQuery<Row> {
  const byDialect = new Map<unknown, CompiledQuery<Row>>();
  return async (db, ...parameters) => {
    const dialect = db.getExecutor().adapter.constructor;
    const built = byDialect.get(dialect) ?? build(db).compile();
    byDialect.set(dialect, built);
    if (built.parameters.length !== parameters.length)
      throw new Error('a query was built with another number of parameters');
    const { rows } = await db.executeQuery<Row>({ ...built, parameters });
    return rows;
  };
}
