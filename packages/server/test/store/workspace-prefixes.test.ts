/** An upgrade gives each workspace the prefixes that its own imported tokens have, and none of another's. */
import { DatabaseSync } from 'node:sqlite';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { workspacePrefixes } from '../../src/store/migrations/0005-workspace-prefixes.ts';
import { type ColumnTypes, postgresTypes, sqliteTypes } from '../../src/store/migrations/column-types.ts';
import { kyselyOver } from '../../src/store/sqlite/dialect.ts';
import { SqliteDriver } from '../../src/store/sqlite/driver.ts';

/** The tables as far as the migration reads them, with what was imported before it. */
const BEFORE = [
  'create table workspaces (id text primary key)',
  'create table tokens (id text primary key, workspace text not null)',
  'create table secrets (token text not null, algorithm text not null, hint text not null)',
  'create table imported_prefixes (prefix text not null, algorithm text not null)',
  "insert into workspaces values ('ws_1'), ('ws_2')",
  "insert into tokens values ('tok_1', 'ws_1'), ('tok_2', 'ws_1'), ('tok_3', 'ws_2'), ('tok_4', 'ws_2'), ('tok_5', 'ws_1')",
  "insert into imported_prefixes values ('sk_', 'sha256'), ('sk_', 'sha512'), ('sk_live_', 'sha256'), ('gone_', 'sha256')",
  `insert into secrets values
     ('tok_1', 'sha256', 'sk_…abcd'), ('tok_2', 'sha256', 'sk_…'), ('tok_3', 'sha512', 'sk_…wxyz'),
     ('tok_4', 'sha256', 'sk_live_…'), ('tok_5', 'sha256', 'tsr_live_…1234')`,
];

async function upgraded<T>(db: Kysely<T>, types: ColumnTypes): Promise<readonly string[]> {
  for (const statement of BEFORE) await sql.raw(statement).execute(db);
  await workspacePrefixes(types).up(db);
  const { rows } = await sql<{ readonly workspace: string; readonly prefix: string; readonly algorithm: string }>`
    select workspace, prefix, algorithm from workspace_prefixes order by 1, 2, 3`.execute(db);
  await expect(sql`select 1 from imported_prefixes`.execute(db)).rejects.toThrow(/imported_prefixes/);
  return rows.map(({ workspace, prefix, algorithm }) => `${workspace} ${prefix} ${algorithm}`);
}

const AFTER = ['ws_1 sk_ sha256', 'ws_2 sk_ sha512', 'ws_2 sk_live_ sha256'];

test('in SQLite', async () => {
  const database = new DatabaseSync(':memory:');
  expect(await upgraded(kyselyOver(new SqliteDriver(database)), sqliteTypes)).toEqual(AFTER);
  database.close();
});

describe('in PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  test('the same', async () => {
    const pool = new pg.Pool({ connectionString: await server.createDatabase() });
    // The database may be dropped before the server has read that its client left.
    pool.on('error', () => undefined);
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    expect(await upgraded(db, postgresTypes)).toEqual(AFTER);
    await db.destroy();
  });
});
