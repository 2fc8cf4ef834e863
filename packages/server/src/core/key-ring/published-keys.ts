/** The public halves of what a workspace signs with, as anybody may fetch them (RFC 7517 section 5): kept until a change concerns them. */
import { LRUCache } from 'lru-cache';
import type { Feed } from '../feed.ts';
import type { RingKey } from '../model.ts';
import type { Store } from '../store-port.ts';
import { algorithms } from './algorithms.ts';

export type PublishedJwk = Readonly<Record<string, string>>;

export interface PublishedKeys {
  /** Undefined: there is no such workspace. A `next` key is among them, so that it is known before it signs. */
  of(workspace: string): Promise<readonly PublishedJwk[] | undefined>;
}

export interface PublishedKeysOptions {
  readonly store: Pick<Store, 'workspace' | 'liveKeys'>;
  readonly feed: Pick<Feed, 'fresh' | 'subscribe'>;
  /** Workspaces that are kept at once. */
  readonly most?: number;
}

type Entry = { readonly keys: readonly PublishedJwk[] | undefined };

export function publishedKeys({ store, feed, most = 1000 }: PublishedKeysOptions): PublishedKeys {
  const kept = new LRUCache<string, Entry>({ max: most });
  /** Counts what was forgotten: what was read before is not kept after. */
  let forgotten = 0;
  feed.subscribe((change) => {
    if (change !== 'missed' && !/^(?:key|workspace)\./.test(change.kind)) return;
    forgotten += 1;
    if (change === 'missed') kept.clear();
    else kept.delete(change.workspace);
  });
  return {
    async of(workspace) {
      const known = feed.fresh() ? kept.get(workspace) : undefined;
      if (known !== undefined) return known.keys;
      const before = forgotten;
      const exists = (await store.workspace(workspace))?.enabled;
      const entry: Entry = {
        keys: exists === undefined ? undefined : (await store.liveKeys(workspace)).flatMap(published),
      };
      if (feed.fresh() && before === forgotten) kept.set(workspace, entry);
      return entry.keys;
    },
  };
}

function published({ id, alg, publicJwk }: RingKey): readonly PublishedJwk[] {
  const { use } = algorithms[alg];
  return publicJwk === null || use !== 'sig' ? [] : [{ ...publicJwk, kid: id, use, alg }];
}
