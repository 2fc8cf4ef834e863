/** How many nodes count beside this one, as far as the store tells. */
import type { Store } from '../core/store-port.ts';

/** Of all nodes that count, how many count together here: the workers of this process. Whole numbers from 1. */
export interface NodeShare {
  readonly own: number;
  readonly all: number;
}

export interface LiveNodesOptions {
  readonly store: Pick<Store, 'nodes'>;
  /** Workers of this process, each of them a node. */
  readonly own: number;
  /** Called for each new number of all nodes. Must not throw. */
  readonly onCount: (share: NodeShare) => void;
  readonly everyMs?: number;
}

export interface LiveNodes {
  /** As it was told last: while the store is away, nodes neither come nor go. */
  share(): NodeShare;
  stop(): void;
}

const EVERY_MS = 2000;

/** Resolves when the store has answered, or did not. */
export async function followNodes({ store, own, onCount, everyMs = EVERY_MS }: LiveNodesOptions): Promise<LiveNodes> {
  let share: NodeShare = { own, all: own };
  let asking = false;
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      // This process may not have reported yet.
      const all = Math.max(own, (await store.nodes()).length);
      if (all !== share.all) {
        share = { own, all };
        onCount(share);
      }
    } catch {
      // The feed tells that the store is away.
    }
    asking = false;
  };
  await ask();
  const timer = setInterval(() => void ask(), everyMs).unref();
  return { share: () => share, stop: () => clearInterval(timer) };
}
