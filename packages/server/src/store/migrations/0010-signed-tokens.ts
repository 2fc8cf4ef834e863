/** Tokens that are signed texts: their format, what they descend from and belong to; and until when a change concerns them. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function signedTokens({ text }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .alterTable('tokens')
        .addColumn('format', text, (column) => column.notNull().defaultTo('opaque'))
        .execute();
      for (const column of ['parent', 'client', 'session'])
        await db.schema.alterTable('tokens').addColumn(column, text).execute();
      await db.schema.alterTable('apis').addColumn('jwt', text).execute();
      await db.schema.alterTable('changes').addColumn('signed_until', 'bigint').execute();
      // Few tokens have any of these, and of the signed ones most have ended.
      await sql`create index tokens_by_parent on tokens (workspace, parent) where parent is not null`.execute(db);
      await sql`create index tokens_by_client on tokens (workspace, client) where client is not null`.execute(db);
      await sql`create index tokens_by_session on tokens (workspace, session) where session is not null`.execute(db);
      await sql`create index tokens_signed on tokens (workspace, expires_at) where format = 'jwt'`.execute(db);
      await sql`create index changes_signed on changes (signed_until) where signed_until is not null`.execute(db);
    },
  };
}
