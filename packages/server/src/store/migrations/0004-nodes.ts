/** The processes that judge, each with how far it has read the change feed: whoever revokes can be told who has heard. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function nodes({ text, clustered }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('nodes')
        .addColumn('id', text, (column) => column.notNull().primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('live_until', 'bigint', (column) => column.notNull())
        .modifyEnd(clustered)
        .execute();
    },
  };
}
