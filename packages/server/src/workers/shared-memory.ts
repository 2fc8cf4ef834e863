/** The memory that the workers share, and what each of them makes of it. */
import type { Clock } from '@tessera/verify';
import { type LastFailure, MOST_SOURCES } from '../core/failed-credentials.ts';
import { sharedLimiter } from '../limits/shared.ts';
import { lockOf, type SharedCounters, sharedCounters } from '../limits/shared-counters.ts';
import { freeLock } from '../limits/shared-lock.ts';
import type { Sharing } from '../sharing.ts';
import { type NewsWord, newsWord, sharedNews } from './shared-news.ts';

/** Keys of rate limits that are counted at once, 48 bytes each; the system gives memory for those that are used. */
const MOST_KEYS = 1_000_000;

export interface SharedMemory {
  readonly news: NewsWord;
  readonly counters: SharedCounters;
  readonly failures: SharedCounters;
  /** Second of the last failed credential. */
  readonly lastFailure: Int32Array<SharedArrayBuffer>;
}

/** @param newest the newest change that the store has */
export function sharedMemory(newest: number, clock: Clock): SharedMemory {
  return {
    news: newsWord(newest),
    counters: sharedCounters({ clock, maxKeys: MOST_KEYS }),
    failures: sharedCounters({ clock, maxKeys: MOST_SOURCES }),
    lastFailure: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/** @param holder names this thread among all that the process ever starts; from 1 */
export function partsIn(
  { news, counters, failures, lastFailure }: SharedMemory,
  { clock, holder }: { readonly clock: Clock; readonly holder: number },
): Pick<Sharing, 'news' | 'limiter' | 'failures'> {
  return {
    news: sharedNews(news),
    limiter: sharedLimiter({ clock, counters, holder }),
    failures: {
      limiter: sharedLimiter({ clock, counters: failures, holder }),
      last: sharedLastFailure(lastFailure),
    },
  };
}

/** Frees what a thread that is gone may have held. */
export function freeAfter({ counters, failures }: SharedMemory, holder: number): void {
  for (const table of [counters, failures]) freeLock(lockOf(table), holder);
}

function sharedLastFailure(second: Int32Array<SharedArrayBuffer>): LastFailure {
  return {
    at: () => (Atomics.load(second, 0) >>> 0) * 1000,
    // Rounded up: a source must not be free before its minute is over.
    set: (at) => void Atomics.store(second, 0, Math.ceil(at / 1000)),
  };
}
