/** Credits of tokens. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function credits({ text, clustered }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema.alterTable('tokens').addColumn('credits', text).execute();
      await db.schema
        .createTable('credits')
        .addColumn('token', text, (column) => column.notNull().primaryKey().references('tokens.id'))
        .addColumn('remaining', 'bigint', (column) => column.notNull())
        .addColumn('granted', 'bigint', (column) => column.notNull())
        .addColumn('period', text, (column) => column.notNull())
        .addColumn('added', 'bigint', (column) => column.notNull())
        .addColumn('generation', 'bigint', (column) => column.notNull())
        .modifyEnd(clustered)
        .execute();
    },
  };
}
