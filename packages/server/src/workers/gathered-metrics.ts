/** What all workers measured, those that are gone too: as one page, and without waiting long for anybody. */
import type { Metrics } from '../observe/metrics.ts';
import { countsOf, type Snapshot } from '../observe/snapshot.ts';
import type { Thread } from './thread.ts';

/** A thread that is busy for longer is told of by what it measured before. */
const PATIENCE_MS = 1000;

export interface GatheredMetrics {
  /** Asks every thread; what is known of one is what outlives it. */
  gather(threads: readonly Measured[]): Promise<void>;
  lost(thread: Measured): void;
  exposition(threads: readonly Measured[]): Promise<string>;
}

type Measured = Pick<Thread, 'conversation'>;

/** @param own of the thread that starts the others */
export function gatheredMetrics(own: Pick<Metrics, 'exposition'>): GatheredMetrics {
  const latest = new Map<Measured, Snapshot>();
  let gone: Promise<Snapshot> = countsOf([]);

  const gather = async (threads: readonly Measured[]): Promise<void> => {
    await Promise.all(
      threads.map(async (thread) => {
        const snapshot = await thread.conversation.ask('snapshot', undefined, PATIENCE_MS).catch(() => undefined);
        // It may have died meanwhile, and what it counted is counted already.
        if (snapshot !== undefined) latest.set(thread, snapshot);
      }),
    );
  };
  return {
    gather,
    lost(thread) {
      const last = latest.get(thread);
      latest.delete(thread);
      if (last !== undefined) gone = gone.then((before) => countsOf([before, last]));
    },
    async exposition(threads) {
      await gather(threads);
      return own.exposition([await gone, ...latest.values()]);
    },
  };
}
