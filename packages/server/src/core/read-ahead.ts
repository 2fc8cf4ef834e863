/**
 * What was read from the store and may be newer than all that the feed has told: it is on changes that nobody here has heard of. A poll that was asked
 * after the read, and answered, has told them all, and would notice from then on that the store has lost them.
 */

export interface ReadAhead<T> {
  /** It was read before now. */
  add(read: T): void;
  /** Whatever may be ahead, and perhaps some that the feed has come up with; none of it from then on. */
  take(): readonly T[];
}

/** `answers`: how many polls were answered. */
export function readAhead<T>(answers: () => number): ReadAhead<T> {
  /** Added since the last answer, and between that and the one before: the poll that was under way then may have been asked before the read. */
  let newer: T[] = [];
  let older: T[] = [];
  let since = answers();

  return {
    add(read) {
      if (answers() !== since) {
        since = answers();
        older = newer;
        newer = [];
      }
      newer.push(read);
    },
    take() {
      const taken = [...older, ...newer];
      older = [];
      newer = [];
      return taken;
    },
  };
}
