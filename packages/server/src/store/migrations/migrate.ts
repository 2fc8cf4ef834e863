/** Brings a database to this version's schema. Forward only; safe when several processes start at once, and when one is killed half-way. */
import { CompiledQuery } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Db } from '../sql/tables.ts';
import { foundation } from './0001-foundation.ts';
import { credits } from './0002-credits.ts';
import { lastUse } from './0003-last-use.ts';
import { nodes } from './0004-nodes.ts';
import { workspacePrefixes } from './0005-workspace-prefixes.ts';
import { proofs } from './0006-proofs.ts';
import { verifiers } from './0007-verifiers.ts';
import { dataKeys } from './0008-data-keys.ts';
import { keys } from './0009-keys.ts';
import { signedTokens } from './0010-signed-tokens.ts';
import { issuers } from './0011-issuers.ts';
import { signedWith } from './0012-signed-with.ts';
import { type ColumnTypes, sqliteTypes } from './column-types.ts';
import { hasSchema } from './has-schema.ts';

/** In the order in which they are made. */
export const migrationNames: readonly string[] = Object.keys(migrations(sqliteTypes));

/** In the order of their names. A migration that was released is never edited: the next one mends it. */
function migrations(types: ColumnTypes): Record<string, Migration> {
  return {
    '0001-foundation': foundation(types),
    '0002-credits': credits(types),
    '0003-last-use': lastUse,
    '0004-nodes': nodes(types),
    '0005-workspace-prefixes': workspacePrefixes(types),
    '0006-proofs': proofs(types),
    '0007-verifiers': verifiers(types),
    '0008-data-keys': dataKeys(types),
    '0009-keys': keys(types),
    '0010-signed-tokens': signedTokens(types),
    '0011-issuers': issuers(types),
    '0012-signed-with': signedWith(types),
  };
}

/**
 * All that is missing, in one transaction. `begin` makes this process the only writer, so that others that start at
 * the same time wait, and then find nothing left to do.
 *
 * @throws where a migration fails; StartRefused where the database has one that this version does not know. Nothing was changed then
 */
export async function migrate(
  db: Db,
  { types, begin }: { readonly types: ColumnTypes; readonly begin: (connection: Db) => Promise<void> },
): Promise<void> {
  await db.connection().execute(async (connection) => {
    try {
      await begin(connection);
      await hasSchema(connection, migrationNames);
      const migrator = new Migrator({
        db: connection,
        provider: { getMigrations: async () => migrations(types) },
        // The transaction is open already.
        disableTransactions: true,
      });
      const { error } = await migrator.migrateToLatest();
      if (error !== undefined) throw error;
      await connection.executeQuery(CompiledQuery.raw('commit'));
    } catch (error) {
      await connection.executeQuery(CompiledQuery.raw('rollback')).catch(() => undefined);
      throw error;
    }
  });
}
