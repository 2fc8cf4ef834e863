/** What is single-use is used once over all nodes: the proofs that were seen, in the store. */
import type { ReplayStore } from '@tessera/verify';
import type { Store } from '../core/store-port.ts';

export interface StoredReplaysOptions {
  readonly store: Pick<Store, 'write'>;
  /** The claims of this process: what was seen here is known without asking, and who fills it is stopped here. */
  readonly own: ReplayStore;
}

/** A claim waits for its durable row; it rejects with what the store throws. */
export function storedReplays({ store, own }: StoredReplaysOptions): ReplayStore {
  return {
    async claim(key, untilMs, holder) {
      if (!(await own.claim(key, untilMs, holder))) return false;
      return store.write((tx) => tx.claimProof(key, Math.ceil(untilMs)));
    },
  };
}
