/** Folding the log into the file (a checkpoint, in SQLite's words) in the thread, while this one goes on. */
import type { DatabaseSync } from 'node:sqlite';
import type { StoreLog } from '../engine.ts';
import type { Aside } from './aside.ts';
import { BUSY_MILLISECONDS, FOLD_PAGES, primaryCode, SQLITE_LOCKED } from './connections.ts';
import { type StoreThread, ThreadGone } from './thread-driver.ts';

/** What completes a fold waits for the writer that is at it, and for readers, while no other writer may begin. */
const HOLD_MILLISECONDS = 100;

export interface Folding {
  /** To be called after each commit. Never throws: what is committed is. */
  committed(): void;
  /** Resolves when a writer may begin. */
  clear(): Promise<void>;
}

/** @param writer any connection that is in no transaction then */
export function folding(writer: DatabaseSync, aside: Aside, log: StoreLog | undefined): Folding {
  // It changes nothing, and tells how long the log is, whoever wrote it.
  const look = writer.prepare('pragma wal_checkpoint(noop)');
  let foldAt = FOLD_PAGES;
  let before = 0;
  let held: Promise<void> | undefined;

  /**
   * What is committed while the log is folded is still in it, and it begins anew only once it is empty: with writers that never rest that would be
   * never. They are held off for what is left.
   */
  const fold = async (thread: StoreThread): Promise<void> => {
    await run(thread, 'pragma wal_checkpoint(passive)');
    held = complete(thread);
    await held.finally(() => {
      held = undefined;
    });
  };
  const onError = (err: unknown): void => {
    // Its death is told already; and where it has begun to write meanwhile, the next fold is soon enough.
    if (err instanceof ThreadGone || primaryCode(err) === SQLITE_LOCKED) return;
    log?.warn({ err }, 'the log of the store could not be folded into the file, and grows');
  };

  const foldWhereLong = async (): Promise<void> => {
    const pages = Number(look.get()?.log);
    if (pages < before) foldAt = FOLD_PAGES;
    before = pages;
    if (pages < foldAt) return;
    // Where a reader holds the log (a backup, say) it cannot begin anew, and asking at each commit would not help.
    foldAt = pages + FOLD_PAGES;
    const thread = aside.thread();
    if (thread !== undefined) await fold(thread);
  };

  return {
    committed: () => void foldWhereLong().catch(onError),
    async clear() {
      await held?.catch(() => undefined);
    },
  };
}

async function complete(thread: StoreThread): Promise<void> {
  await run(thread, `pragma busy_timeout = ${HOLD_MILLISECONDS}`);
  try {
    // Where another process is at it, this does nothing, and says so in a row that nobody needs.
    await run(thread, 'pragma wal_checkpoint(restart)');
  } finally {
    await run(thread, `pragma busy_timeout = ${BUSY_MILLISECONDS}`);
  }
}

function run(thread: StoreThread, sql: string): Promise<unknown> {
  return thread.executeQuery({ sql, parameters: [] });
}
