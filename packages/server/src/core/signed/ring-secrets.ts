/** The private and symmetric keys of rings, opened once and kept in memory by their names. */
import { Buffer } from 'node:buffer';
import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Custody } from '../custody/custody.ts';
import { algorithms } from '../key-ring/algorithms.ts';
import { placeOf } from '../key-ring/steps.ts';
import type { RingKey } from '../model.ts';

export interface RingSecrets {
  /** Rejects where the key is gone, or where what is kept of it was changed. */
  of(key: RingKey): Promise<KeyObject>;
}

const MOST = 1000;

export function ringSecrets(custody: Pick<Custody, 'open'>): RingSecrets {
  const kept = new LRUCache<string, KeyObject>({ max: MOST });
  return {
    async of(key) {
      // What is sealed for one workspace must not be found in memory for another, to which its row was moved.
      const { workspace, id } = key;
      const name = `${workspace}/${id}`;
      const known = kept.get(name);
      if (known !== undefined) return known;
      if (key.sealed === null) throw new Error(`key ${id} is gone`);
      const bytes = Buffer.from(await custody.open(placeOf(key), key.sealed));
      const isSymmetric = algorithms[key.alg].shape.kind === 'octets';
      const opened = isSymmetric
        ? createSecretKey(bytes)
        : createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
      kept.set(name, opened);
      return opened;
    },
  };
}
