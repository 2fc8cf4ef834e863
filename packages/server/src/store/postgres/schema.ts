/** What comes before a node uses a database: it has this version's schema, made by this node or by another one. */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreLog } from '../engine.ts';
import { postgresTypes } from '../migrations/column-types.ts';
import { hasSchema } from '../migrations/has-schema.ts';
import { migrate, migrationNames } from '../migrations/migrate.ts';
import type { Db } from '../sql/tables.ts';

const MIGRATION_WAIT_MILLISECONDS = 600_000;
const MIGRATION_PAUSE_MILLISECONDS = 100;
const SCHEMA_PAUSE_MILLISECONDS = 250;

export interface SchemaTerms {
  /** Makes a connection the only writer over all nodes. */
  begin(connection: Db): Promise<void>;
  /** Whether others hold what `begin` waits for. */
  isTaken(error: unknown): boolean;
}

/** @throws as `migrate`, and where others write for ten minutes without a pause */
export async function migrateFirst(db: Db, { begin, isTaken }: SchemaTerms): Promise<void> {
  const deadline = performance.now() + MIGRATION_WAIT_MILLISECONDS;
  for (;;) {
    try {
      return await migrate(db, { types: postgresTypes, begin });
    } catch (error) {
      // Another node migrates, or writes a great deal.
      if (!isTaken(error) || performance.now() > deadline) throw error;
    }
    await delay(MIGRATION_PAUSE_MILLISECONDS);
  }
}

/** Waits for a node that migrates, for as long as it takes. @throws StartRefused where the schema is newer than this version */
export async function awaitSchema(db: Db, log: StoreLog | undefined): Promise<void> {
  for (let waits = 0; !(await hasSchema(db, migrationNames)); waits += 1) {
    if (waits === 0)
      log?.warn({ err: new Error('its schema is older') }, 'waiting for a node with role all to prepare the database');
    await delay(SCHEMA_PAUSE_MILLISECONDS);
  }
}
