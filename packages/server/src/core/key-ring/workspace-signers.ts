/** Keys that sign statements of a workspace, kept until a change concerns them. */
import type { SigningKey } from '@tessera/verify/jose';
import { LRUCache } from 'lru-cache';
import type { Feed } from '../feed.ts';
import type { RingSecrets } from '../signed/ring-secrets.ts';
import type { Store } from '../store-port.ts';
import type { SignatureAlgorithm } from './algorithms.ts';
import type { Sealing } from './steps.ts';
import { foundRing } from './upkeep.ts';

export interface WorkspaceSigner extends SigningKey {
  readonly kid: string;
}

export interface WorkspaceSigners {
  /** The key that signs now. Undefined: none of the workspace does. */
  of(workspace: string): Promise<WorkspaceSigner | undefined>;
}

export interface WorkspaceSignersOptions {
  readonly store: Pick<Store, 'liveKeys' | 'write'>;
  readonly secrets: RingSecrets;
  /** Seals the first key of a workspace that has none; undefined: none is made here. */
  readonly sealing: Sealing | undefined;
  readonly feed: Pick<Feed, 'fresh' | 'subscribe'>;
  readonly now: () => number;
  /** Workspaces that are kept at once. */
  readonly most?: number;
}

/** Anybody can verify what these sign; the first that the workspace has is taken. */
export const STATEMENT_ALGORITHMS = [
  'EdDSA',
  'ES256',
  'PS256',
  'RS256',
  'ML-DSA-65',
] as const satisfies readonly SignatureAlgorithm[];
const USUAL = STATEMENT_ALGORITHMS[0];

export function workspaceSigners(options: WorkspaceSignersOptions): WorkspaceSigners {
  const { store, secrets, sealing, feed, now, most = 1000 } = options;
  const kept = new LRUCache<string, WorkspaceSigner>({ max: most });
  /** Counts what was forgotten: what was read before is not kept after. */
  let forgotten = 0;
  feed.subscribe((change) => {
    if (change !== 'missed' && !/^(?:key|workspace)\./.test(change.kind)) return;
    forgotten += 1;
    if (change === 'missed') kept.clear();
    else kept.delete(change.workspace);
  });

  const read = async (workspace: string): Promise<WorkspaceSigner | undefined> => {
    const active = (await store.liveKeys(workspace)).filter(({ state }) => state === 'active');
    for (const alg of STATEMENT_ALGORITHMS) {
      const key = active.find((one) => one.alg === alg);
      if (key !== undefined) return { kid: key.id, alg, key: await secrets.of(key) };
    }
    return undefined;
  };

  return {
    async of(workspace) {
      const known = feed.fresh() ? kept.get(workspace) : undefined;
      if (known !== undefined) return known;
      let before = forgotten;
      let signer = await read(workspace);
      if (signer === undefined && sealing !== undefined) {
        // Where no key was ever asked for, one is made; one that was retired on purpose stays so.
        await foundRing(store, USUAL, { workspace, now: now(), sealing });
        before = forgotten;
        signer = await read(workspace);
      }
      if (signer !== undefined && feed.fresh() && before === forgotten) kept.set(workspace, signer);
      return signer;
    },
  };
}
