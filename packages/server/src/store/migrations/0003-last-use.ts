/** A token was last used when one of its secrets was: that is written once, with the secret. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const lastUse: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable('tokens').dropColumn('last_used_at').execute();
  },
};
