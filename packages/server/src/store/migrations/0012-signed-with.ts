/** Which key signed a secret that is a signed text: what was signed with a key ends with it. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function signedWith({ text }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema.alterTable('secrets').addColumn('signed_with', text).execute();
      await sql`create index secrets_signed_with on secrets (signed_with) where signed_with is not null`.execute(db);
    },
  };
}
