/**
 * Following the change feed, so that what is cached dies when it changes: at once for changes of this process, whichever of
 * its workers commits them; for those of others as soon as the store pushes a hint, and within one poll where none comes.
 * Without news for the staleness bound the caches count as stale and everything is asked again.
 */
import { changeOrder, type Told } from './change-order.ts';
import type { Change } from './model.ts';
import { newestChange } from './places.ts';
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
  readonly store: Pick<Store, 'changes' | 'latestChange' | 'onCommit' | 'listen'>;
  /** Milliseconds on a clock that never steps back and counts while the process is paused. */
  readonly monotonic: () => number;
  /** After how many milliseconds without an answer of the store cached facts are no longer believed. */
  readonly boundMs: number;
  /** Between two polls while the store pushes no hints. */
  readonly pollMs?: number;
  /** Absent: no other worker of this process commits. */
  readonly news?: News | undefined;
  readonly onError: (error: unknown) => void;
}

export interface Feed {
  /** Whether what is cached may be believed: the store answered within the bound, and nobody was told of more, by this process or by another worker. */
  fresh(): boolean;
  /** Whether the store answered within the bound. */
  follows(): boolean;
  /** Milliseconds since the store last said that nothing was missed. */
  lagMs(): number;
  /** How changes of other processes are heard of now: pushed, or found by asking. */
  source(): 'notify' | 'poll';
  /** The change up to which every one has been told to every listener. */
  position(): number;
  /** That change; undefined: there is none. */
  newest(): Change | undefined;
  /**
   * Hears of every change of every workspace, of one of this process perhaps twice. `missed` means that some may be unknown: forget everything.
   * `returned`: the store was away and answers again, perhaps as another copy, with all changes that were told; what was read ahead of them it may
   * lack. Whoever does not say what that means hears `missed`.
   */
  subscribe(listener: (told: Told) => void, returned?: () => void): () => void;
  /** How often the store has answered a poll. */
  answers(): number;
  /** Reads the feed from its end; nothing must be cached before. */
  start(): Promise<void>;
  stop(): void;
}

const DEFAULT_POLL_MS = 250;
/** Where hints are heard, a poll only proves that the store is there, and finds what a lost hint would have told. */
const HEARD_POLL_MS = 1000;
/** A late poll or two must not make the caches stale. */
const POLLS_IN_BOUND = 4;
const PAGE = 1000;

export function createFeed(options: FeedOptions): Feed {
  const { store, monotonic, boundMs, news, onError } = options;
  const listeners = new Map<(told: Told) => void, () => void>();
  let lastNews = Number.NEGATIVE_INFINITY;
  let answers = 0;
  /** How often the store was found to be away, and of how many of these everybody was told that it is there again. */
  let absences = 0;
  let returns = 0;
  let isHeard = false;
  /** The newest change of another process that somebody was told of here: who revokes what was revoked elsewhere a moment ago. */
  let toldOf = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let polling: 'no' | 'once' | 'again' = 'no';

  /** Every listener hears, whatever another one makes of it. */
  const each = (work: (listener: (told: Told) => void, returned: () => void) => void): void => {
    for (const [listener, returned] of listeners) {
      try {
        work(listener, returned);
      } catch (error) {
        onError(error);
      }
    }
  };
  const tell = (told: Told): void => each((listener) => listener(told));
  const order = changeOrder(tell);

  const follows = (): boolean => monotonic() - lastNews <= boundMs;
  const complete = (): boolean => order.seq() >= toldOf && news?.isAfter(order.seq()) !== true;

  store.onCommit((changes, seen = 0) => {
    // First: the other workers' memories are not believed from here on, until they have read what it was.
    news?.announce(changes.at(-1)?.seq ?? seen);
    order.committed(changes);
    toldOf = Math.max(toldOf, seen);
    if (order.seq() < toldOf) pollNow();
  });

  const poll = async (): Promise<void> => {
    const asked = monotonic();
    const before = absences;
    for (;;) {
      const from = order.from();
      const changes = await store.changes({ workspace: undefined, since: from.since, limit: PAGE });
      if (!order.read(changes, from)) await startOver();
      else if (changes.length < PAGE) break;
    }
    // Only what was asked since tells of the store that is there now.
    if (returns !== before) {
      returns = before;
      each((_, returned) => returned());
    }
    // As of the question, not the answer: a slow answer is old news.
    lastNews = asked;
    answers += 1;
  };

  const startOver = async (): Promise<void> => {
    onError(new Error('the store was set back: changes that were told are no longer in it'));
    order.startAfter(await newestChange(store));
    toldOf = 0;
    tell('missed');
  };

  const pause = (): number =>
    Math.min(isHeard ? HEARD_POLL_MS : (options.pollMs ?? DEFAULT_POLL_MS), boundMs / POLLS_IN_BOUND);

  const loop = async (): Promise<void> => {
    clearTimeout(timer);
    do {
      polling = 'once';
      try {
        await poll();
      } catch (error) {
        absences += 1;
        if (!stopped) onError(error);
      }
    } while (isAgain(polling) && !stopped);
    polling = 'no';
    if (!stopped) timer = setTimeout(() => void loop(), pause());
  };

  const pollNow = (): void => {
    if (stopped) return;
    if (polling === 'no') void loop();
    else polling = 'again';
  };

  news?.onNews(() => {
    if (!complete()) pollNow();
  });
  let deaf = (): void => undefined;

  return {
    fresh: () => follows() && complete(),
    follows,
    lagMs: () => Math.max(0, monotonic() - lastNews),
    source: () => (isHeard ? 'notify' : 'poll'),
    position: order.seq,
    newest: order.last,
    answers: () => answers,
    subscribe(listener, returned = () => listener('missed')) {
      listeners.set(listener, returned);
      return () => listeners.delete(listener);
    },
    async start() {
      order.startAfter(await newestChange(store));
      await poll();
      timer = setTimeout(() => void loop(), pause());
      deaf = store.listen({
        changed(seq) {
          if (seq > order.seq()) pollNow();
        },
        // Either way there may be changes that no hint was heard of.
        heard(now) {
          isHeard = now;
          if (!now) absences += 1;
          pollNow();
        },
      });
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      deaf();
    },
  };
}

/** The compiler does not see that it changed while the poll was awaited. */
function isAgain(polling: string): boolean {
  return polling === 'again';
}
