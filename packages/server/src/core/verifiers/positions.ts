/** How far verifiers have followed: gathered for a moment, and written for all nodes to read. */
import type { Store, VerifierReport } from '../store-port.ts';

export interface PositionsOptions {
  readonly store: Pick<Store, 'writeAside'>;
  readonly onError: (error: unknown) => void;
}

export interface Positions {
  /** Costs no I/O. What cannot be kept is told again by the verifier, within ten seconds. */
  report(report: VerifierReport): void;
  /** Resolves when it counts no more, whichever node is asked. Rejects where the store cannot say so: it lapses by itself. */
  withdraw(who: Omit<VerifierReport, 'seq'>): Promise<void>;
  /** Writes what is left. */
  stop(): Promise<void>;
}

/** Verifiers report once a second while changes come: a second of them is a few writes. */
const GATHER_MS = 100;
/**
 * A verifier that is cut off may believe its memory for a minute (the longest `stalenessMs`), and may have reported ten seconds before
 * that began. It must not count as gone any sooner, or everybody would seem to have confirmed while it still allows.
 */
const LIVE_MS = 75_000;
/** Of a workspace. */
const MOST_VERIFIERS = 10_000;
/** In memory, while the store does not take them. */
const MOST_WAITING = 20_000;

export function createPositions({ store, onError }: PositionsOptions): Positions {
  let waiting = new Map<string, VerifierReport>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    const reports = [...waiting.values()];
    waiting = new Map();
    if (reports.length === 0) return;
    try {
      await store.writeAside((tx) => tx.putVerifiers({ reports, liveMs: LIVE_MS, most: MOST_VERIFIERS }));
    } catch (error) {
      onError(error);
    }
  };
  const flush = (): Promise<void> => {
    timer = undefined;
    writing = writing.then(write);
    return writing;
  };

  return {
    report(report) {
      const key = keyOf(report);
      if (waiting.size >= MOST_WAITING && !waiting.has(key)) return;
      waiting.set(key, report);
      timer ??= setTimeout(() => void flush(), GATHER_MS).unref();
    },
    async withdraw(who) {
      waiting.delete(keyOf(who));
      // What is being written may be the first that the store hears of it.
      await writing;
      await store.writeAside((tx) => tx.dropVerifier(who));
    },
    async stop() {
      clearTimeout(timer);
      await flush();
    },
  };
}

/** Others who report with the same token cannot know the name: it is made at random, and nothing tells it. */
function keyOf({ workspace, token, verifier }: Omit<VerifierReport, 'seq'>): string {
  return `${workspace} ${token} ${verifier}`;
}
