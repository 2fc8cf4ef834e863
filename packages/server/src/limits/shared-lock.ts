/** One lock between threads, in memory that they share. It is held for microseconds, and freed by others where its holder died. */

/** Words of shared memory that a lock takes: who holds it (0: nobody), and how many sleep until it is free. */
export const LOCK_WORDS = 2;
const HOLDER = 0;
const SLEEPING = 1;

/** Looks before a thread goes to sleep: most holders are done sooner than it would have woken up. */
const LOOKS = 100;
/** A sleeper looks again by itself: whoever should have woken it may have died. */
const SLEEP_MS = 5;
/** Nobody who lives keeps it so long. */
const MOST_MS = 2000;

export type LockWords = Int32Array<SharedArrayBuffer>;

export interface SharedLock {
  /** Runs `work` alone. Throws where the lock does not come free in two seconds, and what `work` throws. */
  alone<T>(work: () => T): T;
}

/** @param holder names the thread, above 0; no two threads of a process ever have the same */
export function sharedLock(words: LockWords, holder: number): SharedLock {
  return {
    alone(work) {
      acquire(words, holder);
      try {
        return work();
      } finally {
        freeLock(words, holder);
      }
    },
  };
}

/** Frees the lock where this one holds it, and tells whether it did: after the death of a thread, what it was writing is half written. */
export function freeLock(words: LockWords, holder: number): boolean {
  if (Atomics.compareExchange(words, HOLDER, holder, 0) !== holder) return false;
  if (Atomics.load(words, SLEEPING) > 0) Atomics.notify(words, HOLDER, 1);
  return true;
}

function acquire(words: LockWords, holder: number): void {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    if (Atomics.compareExchange(words, HOLDER, 0, holder) === 0) return;
  }
  const deadline = performance.now() + MOST_MS;
  Atomics.add(words, SLEEPING, 1);
  try {
    do {
      const other = Atomics.compareExchange(words, HOLDER, 0, holder);
      if (other === 0) return;
      Atomics.wait(words, HOLDER, other, SLEEP_MS);
    } while (performance.now() < deadline);
  } finally {
    Atomics.sub(words, SLEEPING, 1);
  }
  throw new Error('the memory that the workers share stays locked');
}
