/** The keys that values are sealed under, each encrypted by one that is not in the store. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function dataKeys({ text, blob }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('data_keys')
        .addColumn('id', text, (column) => column.notNull().primaryKey())
        .addColumn('wrapped_by', text, (column) => column.notNull())
        .addColumn('wrapped', blob, (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  };
}
