/** Which migrations a database has had, as they are recorded in it. */

import { sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE } from 'kysely/migration';
import { StartRefused } from '../../core/start-refused.ts';
import type { Db } from '../sql/tables.ts';

/**
 * Whether the database has had all of these migrations.
 *
 * @throws StartRefused where it has had others, too: a newer version has changed it, and what this one would read or write might mean
 *   something else
 */
export async function hasSchema(db: Db, known: readonly string[]): Promise<boolean> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return false;
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const had = new Set(rows.map(({ name }) => name));
  const newer = [...had].filter((name) => !known.includes(name)).toSorted();
  if (newer.length > 0) {
    throw new StartRefused(
      `the database was brought up by a newer version of Tessera (${newer.join(', ')}): start that version or a later one`,
    );
  }
  return known.every((name) => had.has(name));
}
