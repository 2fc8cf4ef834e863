/** The key rings of the workspaces: what signs and what encrypts, each private half sealed. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function keys({ text, blob }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('keys')
        .addColumn('id', text, (column) => column.notNull().primaryKey())
        .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
        .addColumn('alg', text, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('origin', text, (column) => column.notNull())
        .addColumn('public_jwk', text)
        .addColumn('sealed', blob)
        .addColumn('activated_at', 'bigint')
        .addColumn('retired_at', 'bigint')
        .addColumn('needed_until', 'bigint')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('version', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('keys_by_workspace').on('keys').columns(['workspace', 'id']).execute();
    },
  };
}
