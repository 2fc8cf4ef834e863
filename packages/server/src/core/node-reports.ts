/** Tells the store how far this node has applied the change feed, so that a revocation can be told which nodes have heard of it. */
import type { Feed } from './feed.ts';
import type { Store } from './store-port.ts';

export interface NodeReportsOptions {
  /** Names this node among all that have the store in common; a new one at each start. */
  readonly id: string;
  readonly store: Pick<Store, 'writeAside'>;
  readonly feed: Pick<Feed, 'position' | 'subscribe'>;
  readonly monotonic: () => number;
  /** For how long this node may judge from memory without news: it counts as alive no shorter than that. */
  readonly boundMs: number;
  readonly onError: (error: unknown) => void;
}

export interface NodeReports {
  /** Reports now, soon after each change, and every so often. */
  start(): void;
  /** Says that this node is gone. */
  stop(): Promise<void>;
}

/** Changes that come together are reported together. */
const GATHER_MS = 20;
/** Between two reports while changes come. */
const APART_MS = 1000;
const IDLE_MS = 10_000;
/** Three reports in a row may fail before a node counts as gone. */
const LEAST_LIVE_MS = 35_000;

export function createNodeReports({ id, store, feed, monotonic, ...options }: NodeReportsOptions): NodeReports {
  const liveMs = Math.max(LEAST_LIVE_MS, options.boundMs + IDLE_MS);
  let reportedAt = Number.NEGATIVE_INFINITY;
  let reported = -1;
  let timer: NodeJS.Timeout | undefined;
  /** `soon`: a report is due that tells of the newest change; what comes next need not ask for another. */
  let state: 'idle' | 'soon' | 'running' = 'idle';
  let running: Promise<void> = Promise.resolve();
  let failing = false;
  let stopped = false;

  const report = async (): Promise<void> => {
    state = 'running';
    const seq = feed.position();
    reportedAt = monotonic();
    try {
      await store.writeAside((tx) => tx.putNode({ id, seq, liveMs }));
      reported = seq;
      failing = false;
    } catch (error) {
      // Once for each outage: the feed says the same.
      if (!failing && !stopped) options.onError(error);
      failing = true;
    }
    state = 'idle';
    if (feed.position() === reported) wait(IDLE_MS);
    else tellSoon();
  };

  const wait = (ms: number): void => {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => {
      running = report();
    }, ms);
    timer.unref();
  };

  const tellSoon = (): void => {
    if (state !== 'idle') return;
    state = 'soon';
    wait(Math.max(GATHER_MS, reportedAt + APART_MS - monotonic()));
  };

  const unsubscribe = feed.subscribe(tellSoon);

  return {
    start() {
      running = report();
    },
    async stop() {
      stopped = true;
      unsubscribe();
      clearTimeout(timer);
      await running;
      // Where the store is away, the row lapses by itself.
      await store.writeAside((tx) => tx.dropNode(id)).catch(options.onError);
    },
  };
}
