/** The keys of all rings by their names, as judging needs them: in memory until a change concerns them. */
import { createPublicKey } from 'node:crypto';
import type { OwnKey, OwnKeys } from '@tessera/verify/jose';
import { LRUCache } from 'lru-cache';
import type { Feed } from '../feed.ts';
import type { RingKey } from '../model.ts';
import type { Store } from '../store-port.ts';
import type { RingSecrets } from './ring-secrets.ts';

export interface RingKeysOptions {
  readonly store: Pick<Store, 'keyNamed'>;
  readonly feed: Pick<Feed, 'fresh' | 'subscribe'>;
  readonly secrets: RingSecrets;
  /** Keys that are kept at once. */
  readonly most?: number;
}

/** What names a key. Whatever else a text names costs the store nothing. */
const KEY_ID = /^key_[0-9a-hjkmnp-tv-z]{26}$/;

export function ringKeys({ store, feed, secrets, most = 1000 }: RingKeysOptions): OwnKeys {
  const kept = new LRUCache<string, OwnKey>({ max: most });
  /** Counts what was forgotten: what was read before is not kept after. */
  let forgotten = 0;
  feed.subscribe((change) => {
    if (change !== 'missed' && !change.kind.startsWith('key.')) return;
    forgotten += 1;
    if (change === 'missed') kept.clear();
    else kept.delete(change.id);
  });

  const read = async (kid: string): Promise<OwnKey | undefined> => {
    const before = forgotten;
    const found = await store.keyNamed(kid);
    const own = found && (await verifierOf(found, secrets));
    if (own !== undefined && feed.fresh() && before === forgotten) kept.set(kid, own);
    return own;
  };

  return {
    find(kid) {
      const known = feed.fresh() ? kept.get(kid) : undefined;
      if (known !== undefined) return known;
      return KEY_ID.test(kid) ? read(kid) : undefined;
    },
  };
}

/** A key that waits has signed nothing, and what is gone verifies nothing; one for encryption never does. */
async function verifierOf(key: RingKey, secrets: RingSecrets): Promise<OwnKey | undefined> {
  const { alg, state, workspace, publicJwk } = key;
  if (state === 'next' || state === 'gone' || alg === 'ECDH-ES+A256KW' || alg === 'A256GCM') return undefined;
  const opened =
    publicJwk === null
      ? await secrets.of(key)
      : createPublicKey({ key: alg === 'ML-DSA-65' ? { ...publicJwk, alg } : { ...publicJwk }, format: 'jwk' });
  return { alg, key: opened, workspace };
}
