/** The few column types that the two databases name differently. */
import { type RawBuilder, sql } from 'kysely';

export interface ColumnTypes {
  readonly text: RawBuilder<unknown>;
  readonly blob: RawBuilder<unknown>;
  /** Of a primary key that counts rows. */
  readonly counter: 'integer' | 'bigint';
  /** After a table that has its rows in its primary key: one page to write where there would be two. */
  readonly clustered: RawBuilder<unknown>;
}

export const sqliteTypes: ColumnTypes = {
  text: sql`text`,
  blob: sql`blob`,
  counter: 'integer',
  clustered: sql`without rowid`,
};

export const postgresTypes: ColumnTypes = {
  // Ids sort by their bytes, as in SQLite, whatever the locale of the server.
  text: sql`text collate "C"`,
  blob: sql`bytea`,
  counter: 'bigint',
  clustered: sql``,
};
