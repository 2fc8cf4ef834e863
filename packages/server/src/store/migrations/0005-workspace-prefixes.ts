/** What imported tokens begin with, for each workspace: one must not be told what another one imported. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

export function workspacePrefixes({ text, clustered }: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('workspace_prefixes')
        .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
        .addColumn('prefix', text, (column) => column.notNull())
        .addColumn('algorithm', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('workspace_prefixes_key', ['workspace', 'prefix', 'algorithm'])
        .modifyEnd(clustered)
        .execute();
      // The hint of an imported secret is its prefix, an ellipsis, and perhaps its last characters.
      await sql`
        insert into workspace_prefixes (workspace, prefix, algorithm)
        select distinct tokens.workspace, known.prefix, known.algorithm
        from imported_prefixes known
        join secrets on secrets.algorithm = known.algorithm
          and substr(secrets.hint, 1, length(known.prefix) + 1) = known.prefix || '…'
        join tokens on tokens.id = secrets.token`.execute(db);
      await db.schema.dropTable('imported_prefixes').execute();
    },
  };
}
