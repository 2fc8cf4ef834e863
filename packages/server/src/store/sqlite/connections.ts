/** Connections to the file, as this store wants them, and the errors that they throw. Imports no query builder: the thread loads this, too. */
import { DatabaseSync } from 'node:sqlite';

/** How long a writer waits for another process, and a reader for the one that recovers the log after a crash. */
export const BUSY_MILLISECONDS = 5000;
/** Of each connection: room for the indexes whose pages come in no order, such as that of the digests. */
const CACHE_KIBIBYTES = 16_384;
/**
 * 16 MiB of log before it is folded into the file: a page that many commits change is then written there once. The thread does it, while others
 * write.
 */
export const FOLD_PAGES = 4096;
/** Where the thread does not, a commit does. */
const FLOOR_PAGES = 4 * FOLD_PAGES;

/** Result codes (https://www.sqlite.org/rescode.html); the low byte is the primary one. */
export const SQLITE_BUSY = 5;
export const SQLITE_LOCKED = 6;
export const SQLITE_IOERR = 10;

export function openWriter(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_MILLISECONDS, enableForeignKeyConstraints: true });
  try {
    // Temporary: the journal of savepoints, which on disk costs more than the writes that it guards.
    database.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma trusted_schema = off;
      pragma temp_store = memory;
      pragma cache_size = -${CACHE_KIBIBYTES};
      pragma wal_autocheckpoint = ${FLOOR_PAGES};
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function openReader(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MILLISECONDS });
  database.exec(`pragma trusted_schema = off; pragma cache_size = -${CACHE_KIBIBYTES}`);
  return database;
}

/** The extended result code; undefined: the error is not SQLite's. */
export function resultCode(error: unknown): number | undefined {
  const isCoded = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
  return isCoded ? Number(error.errcode) : undefined;
}

export function primaryCode(error: unknown): number | undefined {
  const code = resultCode(error);
  return code === undefined ? undefined : code & 0xff;
}
