/** Verifiers in other processes, each with how far it has applied the change feed: whoever revokes can be told who has heard. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function verifiers({ text, clustered }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('verifiers')
        .addColumn('workspace', text, (column) => column.notNull())
        .addColumn('token', text, (column) => column.notNull())
        .addColumn('id', text, (column) => column.notNull())
        .addColumn('seq', 'bigint', (column) => column.notNull())
        .addColumn('live_until', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('verifiers_key', ['workspace', 'token', 'id'])
        .modifyEnd(clustered)
        .execute();
      await db.schema.createIndex('verifiers_by_end').on('verifiers').column('live_until').execute();
    },
  };
}
