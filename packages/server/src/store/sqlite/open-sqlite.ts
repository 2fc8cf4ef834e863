/** The embedded store: one file, a connection that writes and one that only reads. */
import { Buffer } from 'node:buffer';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { CompiledQuery } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/sqlite';
import type { Engine } from '../engine.ts';
import { sqliteTypes } from '../migrations/column-types.ts';
import { migrate } from '../migrations/migrate.ts';
import { contextOf, findStatement } from '../sql/find.ts';
import { createInserts } from '../sql/inserts.ts';
import type { Db } from '../sql/tables.ts';
import { kyselyOver } from './dialect.ts';

/** How long a writer waits for another process, and a reader for the one that recovers the log after a crash. */
const BUSY_MILLISECONDS = 5000;
const LONGEST_PAUSE_MILLISECONDS = 16;
/** Of each connection: room for the indexes whose pages come in no order, such as that of the digests. */
const CACHE_KIBIBYTES = 16_384;
/** 16 MiB of log before it is folded into the file: a page that many commits change is then written there once. */
const CHECKPOINT_PAGES = 4096;
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** Result codes (https://www.sqlite.org/rescode.html); the low byte is the primary one. */
const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;

const BEGIN = CompiledQuery.raw('begin immediate');

/** @throws where the file is no database, is of a newer version, or stays locked */
export async function openSqlite(file: string): Promise<Engine> {
  createPrivately(file);
  const writer = await whileBusy(() => openWriter(file));
  const writes = kyselyOver(writer);
  try {
    await migrate(writes, { types: sqliteTypes, begin });
    const reader = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MILLISECONDS });
    reader.exec(`pragma trusted_schema = off; pragma cache_size = -${CACHE_KIBIBYTES}`);
    return engineOver(reader, writes, writer);
  } catch (error) {
    writer.close();
    throw error;
  }
}

function engineOver(reader: DatabaseSync, writes: Db, writer: DatabaseSync): Engine {
  const reads = kyselyOver(reader);
  const find = reader.prepare(findStatement(reads, jsonArrayFrom).sql);
  find.setReturnArrays(true);
  return {
    reads,
    writes,
    terms: { blob: 'blob', inserts: createInserts(writes) },
    begin,
    find: (digest) => {
      // The types of `node:sqlite` do not know of rows as lists.
      const row = find.get(Buffer.from(digest, 'latin1')) as readonly unknown[] | undefined;
      return row && contextOf(row);
    },
    isRetryable: () => false,
    // Where the log could not be synced, its frames may be on the disk or not.
    leavesOutcomeOpen: (error) => primaryCode(error) === SQLITE_IOERR,
    close: async () => {
      // The last one to leave must be able to write: it folds the log into the file.
      reader.close();
      writer.close();
    },
  };
}

function openWriter(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_MILLISECONDS, enableForeignKeyConstraints: true });
  try {
    // Temporary: the journal of savepoints, which on disk costs more than the writes that it guards.
    database.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma trusted_schema = off;
      pragma temp_store = memory;
      pragma cache_size = -${CACHE_KIBIBYTES};
      pragma wal_autocheckpoint = ${CHECKPOINT_PAGES};
      pragma busy_timeout = 0;
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Waits for other writers in turns of the event loop: SQLite's own waiting would block it, and with it the very writer
 * that is waited for where both live in one process.
 */
async function begin(connection: Db): Promise<void> {
  await whileBusy(() => connection.executeQuery(BEGIN));
}

async function whileBusy<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + BUSY_MILLISECONDS;
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS)) {
    try {
      return await attempt();
    } catch (error) {
      if (primaryCode(error) !== SQLITE_BUSY || performance.now() > deadline) throw error;
    }
    // At random, so that two writers do not keep meeting.
    await delay(pause * Math.random());
  }
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** SQLite gives the log and the index of the log the permissions of the file. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: OWNER_ONLY_FOLDER });
  closeSync(openSync(file, 'a', OWNER_ONLY_FILE));
}
