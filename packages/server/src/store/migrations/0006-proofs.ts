/** The proofs that were used, until they could not be shown again: each of several nodes must hear of them. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function proofs({ text, clustered }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('proofs')
        .addColumn('id', text, (column) => column.notNull().primaryKey())
        .addColumn('until', 'bigint', (column) => column.notNull())
        .modifyEnd(clustered)
        .execute();
      await db.schema.createIndex('proofs_until').on('proofs').column('until').execute();
    },
  };
}
