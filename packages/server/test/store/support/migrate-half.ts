/** Makes the tables, says so, and waits to be killed before it could commit. Argument: the URL of an empty database. */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { foundation } from '../../../src/store/migrations/0001-foundation.ts';
import { postgresTypes, sqliteTypes } from '../../../src/store/migrations/column-types.ts';
import type { Tables } from '../../../src/store/sql/tables.ts';
import { kyselyOver } from '../../../src/store/sqlite/dialect.ts';
import { SqliteDriver } from '../../../src/store/sqlite/driver.ts';

const LONG = 60_000;

const url = process.argv[2] ?? '';
const embedded = url.startsWith('sqlite:');
const db = embedded
  ? kyselyOver(new SqliteDriver(new DatabaseSync(url.slice('sqlite:'.length))))
  : new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });

await db.connection().execute(async (connection) => {
  await connection.executeQuery(CompiledQuery.raw(embedded ? 'begin immediate' : 'begin'));
  await foundation(embedded ? sqliteTypes : postgresTypes).up(connection);
  console.log('half');
  await delay(LONG);
});
