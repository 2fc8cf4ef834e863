/** When the log is to be folded into the file. */
import type { DatabaseSync } from 'node:sqlite';
import { FOLD_PAGES } from './connections.ts';

/**
 * To be called after each commit. Folds each time the log has grown by so much again: where a reader holds it (a backup, say) it
 * cannot begin anew, and asking more often would not help.
 */
export function folding(database: DatabaseSync, fold: () => void): () => void {
  // It changes nothing, and tells how long the log is, whoever wrote it.
  const look = database.prepare('pragma wal_checkpoint(noop)');
  let foldAt = FOLD_PAGES;
  let before = 0;
  return () => {
    const pages = Number(look.get()?.log);
    if (pages < before) foldAt = FOLD_PAGES;
    before = pages;
    if (pages < foldAt) return;
    foldAt = pages + FOLD_PAGES;
    fold();
  };
}
