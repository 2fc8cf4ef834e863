/** Giving back what requests spent that were not served: durably, each once, and never twice where that is in doubt. */
import { type Store, StoreUnavailable, type Tx } from '../core/store-port.ts';

/** A unit of work, or a part of one, that gives back. */
export type GiveBack = (tx: Tx) => Promise<void>;

export interface RefundsOptions {
  readonly store: Pick<Store, 'write'>;
  /** Hears of each refund: `given`, or `lost` with what kept it from being written. Must not throw. */
  readonly onRefund: (outcome: 'given' | 'lost', error?: unknown) => void;
  readonly retryMs?: number;
}

export interface Refunds {
  give(back: GiveBack): void;
  /** Resolves when all that was given is written, or is lost. Gives up what still cannot be written then. */
  stop(): Promise<void>;
}

const RETRY_MS = 1000;
/** Refunds that wait for a store that is away: some 20 MB. */
const MOST_WAITING = 50_000;

/**
 * A refund is tried again only where it is certain that nothing was written: one that may have been must not be given
 * twice, so that what is lost is at most what was under way.
 */
export function createRefunds({ store, onRefund, retryMs = RETRY_MS }: RefundsOptions): Refunds {
  const running = new Set<Promise<void>>();
  let waiting: GiveBack[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const wait = (back: GiveBack): void => {
    waiting.push(back);
    timer ??= setTimeout(retry, retryMs).unref();
  };
  const retry = (): void => {
    timer = undefined;
    const due = waiting;
    waiting = [];
    for (const back of due) give(back);
  };
  const give = (back: GiveBack): void => {
    const writing = store.write(back).then(
      () => onRefund('given'),
      (error: unknown) => {
        if (error instanceof StoreUnavailable && !stopped && waiting.length < MOST_WAITING) wait(back);
        else onRefund('lost', error);
      },
    );
    running.add(writing);
    void writing.finally(() => running.delete(writing));
  };

  return {
    give,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      retry();
      await Promise.all(running);
    },
  };
}
