/**
 * Following the change feed, so that what is cached dies when it changes: at once for changes of this process, whichever of
 * its workers commits them, within one poll for those of others. Without news for the staleness bound the caches count as stale and everything is asked again.
 */
import type { Change } from './model.ts';
import type { Store } from './store-port.ts';

/** Which change was the newest that any worker of this process committed, known to all of them before anybody hears that it is done. */
export interface News {
  announce(seq: number): void;
  /** Whether one after this was announced. As cheap as reading a number: every verdict asks. */
  isAfter(seq: number): boolean;
  /** Calls back soon after each announcement, of whichever worker. */
  onNews(listener: () => void): void;
}

export interface FeedOptions {
  readonly store: Pick<Store, 'changes' | 'latestChange' | 'onCommit'>;
  /** Milliseconds on a clock that never steps and counts while the process is paused. */
  readonly monotonic: () => number;
  /** After how many milliseconds without an answer of the store cached facts are no longer believed. */
  readonly boundMs: number;
  readonly pollMs?: number;
  /** Absent: no other worker of this process commits. */
  readonly news?: News | undefined;
  readonly onError: (error: unknown) => void;
}

export interface Feed {
  /** Whether what is cached may be believed: the store answered within the bound, and no other worker has announced more. */
  fresh(): boolean;
  /** Whether the store answered within the bound. */
  follows(): boolean;
  /** Milliseconds since the store last said that nothing was missed. */
  lagMs(): number;
  /** The change up to which every one has been told to every listener. */
  position(): number;
  /** Hears of every change of every workspace, of one of this process perhaps twice. `missed` means that some may be unknown: forget everything. */
  subscribe(listener: (change: Change | 'missed') => void): () => void;
  /** Reads the feed from its end; nothing must be cached before. */
  start(): Promise<void>;
  stop(): void;
}

const DEFAULT_POLL_MS = 250;
const PAGE = 1000;

export function createFeed(options: FeedOptions): Feed {
  const { store, monotonic, boundMs, news, onError } = options;
  const pollMs = options.pollMs ?? DEFAULT_POLL_MS;
  const listeners = new Set<(change: Change | 'missed') => void>();
  let lastSeq = 0;
  let lastNews = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let polling: 'no' | 'once' | 'again' = 'no';

  /** Every listener hears, whatever another one makes of it. */
  const tell = (change: Change | 'missed'): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        onError(error);
      }
    }
  };

  const follows = (): boolean => monotonic() - lastNews <= boundMs;
  const complete = (): boolean => news?.isAfter(lastSeq) !== true;

  store.onCommit((changes) => {
    // First: the other workers' memories are not believed from here on, until they have read what it was.
    news?.announce(changes.at(-1)?.seq ?? 0);
    for (const change of changes) {
      tell(change);
      // Where it comes next, the poll need not bring it again; where changes of others lie between, it will.
      if (change.seq === lastSeq + 1) lastSeq = change.seq;
    }
  });

  const apply = (changes: readonly Change[]): void => {
    for (const change of changes) {
      // Committed here while the poll was on its way.
      if (change.seq <= lastSeq) continue;
      // One writer at a time gives every change the next number: a gap means that something was lost.
      if (change.seq !== lastSeq + 1) tell('missed');
      lastSeq = change.seq;
      tell(change);
    }
  };

  const poll = async (): Promise<void> => {
    const asked = monotonic();
    for (;;) {
      const changes = await store.changes({ workspace: undefined, since: lastSeq, limit: PAGE });
      apply(changes);
      if (changes.length < PAGE) break;
    }
    // As of the question, not the answer: a slow answer is old news.
    lastNews = asked;
  };

  const loop = async (): Promise<void> => {
    clearTimeout(timer);
    do {
      polling = 'once';
      try {
        await poll();
      } catch (error) {
        if (!stopped) onError(error);
      }
    } while (isAgain(polling) && !stopped);
    polling = 'no';
    if (!stopped) timer = setTimeout(() => void loop(), pollMs);
  };

  news?.onNews(() => {
    if (stopped || complete()) return;
    if (polling === 'no') void loop();
    else polling = 'again';
  });

  return {
    fresh: () => follows() && complete(),
    follows,
    lagMs: () => Math.max(0, monotonic() - lastNews),
    position: () => lastSeq,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async start() {
      lastSeq = await store.latestChange();
      await poll();
      timer = setTimeout(() => void loop(), pollMs);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** The compiler does not see that it changed while the poll was awaited. */
function isAgain(polling: string): boolean {
  return polling === 'again';
}
