/** Kysely's SQLite over our own driver. */

import type { DatabaseSync } from 'node:sqlite';
import { type DatabaseIntrospector, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { Db, Tables } from '../sql/tables.ts';
import { SqliteDriver } from './driver.ts';

export function kyselyOver(database: DatabaseSync): Db {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new Adapter(),
      createDriver: () => new SqliteDriver(database),
      createIntrospector: (db): DatabaseIntrospector => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Statements on the one connection never overlap, because they are synchronous: readers need not queue. */
class Adapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}
