/** The few column types that the two databases name differently. */
import { type RawBuilder, sql } from 'kysely';

export interface ColumnTypes {
  readonly text: RawBuilder<unknown>;
  readonly blob: RawBuilder<unknown>;
}

export const sqliteTypes: ColumnTypes = { text: sql`text`, blob: sql`blob` };

/** Collation "C": ids sort by their bytes, as in SQLite, whatever the locale of the server. */
export const postgresTypes: ColumnTypes = { text: sql`text collate "C"`, blob: sql`bytea` };
