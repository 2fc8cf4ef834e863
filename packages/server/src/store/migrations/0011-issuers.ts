/** Issuers whose tokens are accepted, and which of those are refused after all. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function issuers({ text, blob }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('issuers')
        .addColumn('id', text, (column) => column.notNull().primaryKey())
        .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
        .addColumn('api', text, (column) => column.notNull().references('apis.id'))
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('issuer', text, (column) => column.notNull())
        .addColumn('method', text, (column) => column.notNull())
        .addColumn('sealed', blob)
        .addColumn('rules', text, (column) => column.notNull())
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addColumn('version', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('issuers_by_workspace').on('issuers').columns(['workspace', 'id']).execute();
      // By the issuer's own name: taking the trust away and giving it again revives nothing.
      await db.schema
        .createTable('foreign_revocations')
        .addColumn('id', text, (column) => column.notNull().primaryKey())
        .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
        .addColumn('issuer', text, (column) => column.notNull())
        .addColumn('jti', text)
        .addColumn('sub', text)
        .addColumn('issued_before', 'bigint')
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('until', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex('foreign_revocations_by_issuer')
        .on('foreign_revocations')
        .columns(['workspace', 'issuer'])
        .execute();
      await db.schema.createIndex('foreign_revocations_by_until').on('foreign_revocations').column('until').execute();
    },
  };
}
