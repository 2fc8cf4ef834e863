/** The embedded store: one file, a connection that writes, one that only reads, and one in a thread for what nobody waits for. */
import { Buffer } from 'node:buffer';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { CompiledQuery, sql } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/sqlite';
import type { Engine } from '../engine.ts';
import { sqliteTypes } from '../migrations/column-types.ts';
import { migrate } from '../migrations/migrate.ts';
import { ancestorsOf, ancestorsStatement } from '../sql/ancestors.ts';
import { contextOf, findStatement, NO_ANCESTORS } from '../sql/find.ts';
import { createInserts } from '../sql/inserts.ts';
import type { Db } from '../sql/tables.ts';
import { createTouch } from '../sql/usage.ts';
import { type AsideOptions, createAside } from './aside.ts';
import { BUSY_MILLISECONDS, openReader, openWriter, primaryCode, SQLITE_BUSY, SQLITE_IOERR } from './connections.ts';
import { kyselyOver } from './dialect.ts';
import { SqliteDriver } from './driver.ts';
import { folding } from './folding.ts';
import { type StoreThread, ThreadGone, threadDriver } from './thread-driver.ts';

const LONGEST_PAUSE_MILLISECONDS = 16;
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

const BEGIN = CompiledQuery.raw('begin immediate');
const NOW = sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;

/** @throws where the file is no database, is of a newer version, or stays locked */
export async function openSqlite(file: string, options: Omit<AsideOptions, 'file'>): Promise<Engine> {
  createPrivately(file);
  const writer = await whileBusy(() => openWriter(file));
  // SQLite's own waiting would block the loop.
  writer.exec('pragma busy_timeout = 0');
  const writes = kyselyOver(new SqliteDriver(writer));
  try {
    await migrate(writes, { types: sqliteTypes, begin });
    return engineOver({ reader: openReader(file), writer, writes }, { ...options, file });
  } catch (error) {
    writer.close();
    throw error;
  }
}

interface Connections {
  readonly reader: DatabaseSync;
  readonly writer: DatabaseSync;
  readonly writes: Db;
}

function engineOver({ reader, writer, writes }: Connections, options: AsideOptions): Engine {
  const aside = createAside(options);
  const { committed, clear } = folding(writer, aside, options.log);
  const reads = kyselyOver(new SqliteDriver(reader));
  const find = reader.prepare(findStatement(reads, jsonArrayFrom).sql);
  find.setReturnArrays(true);
  const line = reader.prepare(ancestorsStatement(reads).sql);
  line.setReturnArrays(true);
  // The types of `node:sqlite` do not know of rows as lists.
  const lineOf = (parent: string) => ancestorsOf(line.all(parent) as unknown as readonly (readonly unknown[])[]);
  return {
    reads,
    writes,
    aside: () => dbIn(aside.thread()) ?? writes,
    terms: { inserts: createInserts(writes), touch: createTouch(writes, 'blob'), now: NOW },
    begin: async (connection) => {
      await clear();
      await begin(connection);
    },
    // Other processes on the file poll.
    announce: async () => undefined,
    listen: () => () => undefined,
    committed,
    find: (digest) => {
      const row = find.get(Buffer.from(digest, 'latin1')) as readonly unknown[] | undefined;
      const found = row && contextOf(row);
      if (found === undefined) return undefined;
      const { parent } = found.token;
      return { ...found, ancestors: parent === null ? NO_ANCESTORS : lineOf(parent) };
    },
    isRetryable: () => false,
    // Where the log could not be synced, its frames may be on the disk or not.
    leavesOutcomeOpen: (error) => error instanceof ThreadGone || primaryCode(error) === SQLITE_IOERR,
    close: async () => {
      // The last one to leave must be able to write: it folds the log into the file.
      await aside.close();
      reader.close();
      writer.close();
    },
  };
}

function dbIn(thread: StoreThread | undefined): Db | undefined {
  return thread && kyselyOver(threadDriver(thread));
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

/** SQLite gives the log and the index of the log the permissions of the file. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: OWNER_ONLY_FOLDER });
  closeSync(openSync(file, 'a', OWNER_ONLY_FILE));
}
