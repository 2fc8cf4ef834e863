/** Tells changes in the order of their numbers, each once, and finds where some are missing or the store was set back. */
import type { Change } from './model.ts';

export type Told = Change | 'missed';

export interface ChangeOrder {
  /** The change up to which all are told; 0: none. */
  seq(): number;
  /** That change; undefined: none. */
  last(): Change | undefined;
  /** Begins after this change, whatever was told before; undefined: with the first. */
  startAfter(change: Change | undefined): void;
  /** Committed by this process: told at once, also where those of others before it are still to come. */
  committed(changes: readonly Change[]): void;
  /** As `read`, of a question that began with `from()`. */
  from(): From;
  /**
   * What the store answered: changes from `since` on. False where it no longer holds what was told before, as one does
   * that was restored, or replaced by a copy that lacked the last commits: its numbers will mean other changes.
   */
  read(changes: readonly Change[], from: From): boolean;
}

export interface From {
  /** To ask for the changes after it; the last one that was told comes again. */
  readonly since: number;
  readonly last: Change | undefined;
}

export function changeOrder(tell: (told: Told) => void): ChangeOrder {
  let lastSeq = 0;
  /** The change with that number. */
  let last: Change | undefined;

  const advance = (change: Change): void => {
    lastSeq = change.seq;
    last = change;
  };

  return {
    seq: () => lastSeq,
    last: () => last,
    startAfter(change) {
      lastSeq = change?.seq ?? 0;
      last = change;
    },
    committed(changes) {
      for (const change of changes) {
        tell(change);
        // Where it comes next, the poll need not bring it again; where changes of others lie between, it will.
        if (change.seq === lastSeq + 1) advance(change);
      }
    },
    from: () => ({ since: Math.max(0, lastSeq - 1), last }),
    read(changes, { last: expected }) {
      if (expected !== undefined && !isSame(changes[0], expected)) return false;
      for (const change of changes) {
        // Committed here while the question was on its way.
        if (change.seq <= lastSeq) continue;
        // One writer at a time gives every change the next number: a gap means that something was lost.
        if (change.seq !== lastSeq + 1) tell('missed');
        advance(change);
        tell(change);
      }
      return true;
    },
  };
}

function isSame(found: Change | undefined, expected: Change): boolean {
  return (
    found !== undefined &&
    found.seq === expected.seq &&
    found.at === expected.at &&
    found.kind === expected.kind &&
    found.id === expected.id
  );
}
