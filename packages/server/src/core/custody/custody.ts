/**
 * Custody of what must be readable again: sealed under data keys, which are kept encrypted by a key that is not in the store. All
 * else that needs a key derives it from one root secret, itself sealed, so that the outer key can be replaced and nothing else changes.
 */
import { Buffer } from 'node:buffer';
import { createSecretKey, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '../ids.ts';
import { KEY_CHECK, keyCheck } from '../key-check.ts';
import type { WrappedKey } from '../model.ts';
import { StartRefused } from '../start-refused.ts';
import type { Store } from '../store-port.ts';
import type { KeyEncryption } from './key-encryption.ts';
import type { Place } from './place.ts';
import { BrokenSeal, type DataKey, dataKeyIdOf, openValue, sealValue } from './sealed-value.ts';

export interface Custody {
  /** 32 bytes that belong to the installation. What keys for single purposes are derived from. */
  readonly root: Uint8Array;
  seal(place: Place, plain: Uint8Array): Uint8Array;
  /** Rejects with `BrokenSeal` where it is not what was sealed for this place. */
  open(place: Place, sealed: Uint8Array): Promise<Uint8Array>;
}

export interface CustodyOptions {
  /** What encrypts data keys from now on. */
  readonly current: KeyEncryption;
  /** What can decrypt those of before a rotation, or of a node that is ahead in one. */
  readonly others: readonly KeyEncryption[];
  /** Master keys at hand: a store that is older than data keys derived everything from one of them. */
  readonly masters: readonly Uint8Array[];
  /** Whether an empty store is founded; else it is waited for, as long as it takes. */
  readonly mayFound: boolean;
  readonly onWait: () => void;
  /** Somebody changed the store, or gave one place what belongs to another: see `alarms`. Must not throw. */
  readonly onBroken: (broken: BrokenSeal) => void;
  readonly now: () => number;
}

type Keeping = Pick<Store, 'dataKeys' | 'meta' | 'write'>;

export const ROOT_SECRET = 'root_secret';
export const ROOT_PLACE: Place = { workspace: '', table: 'meta', column: 'value', row: ROOT_SECRET };
export const WRONG_KEY = 'the master key is not the one this store was made with';
const PAUSE_MS = 250;

/** @throws StartRefused where no key at hand opens what the store holds, or where that was changed */
export async function openCustody(store: Keeping, options: CustodyOptions): Promise<Custody> {
  const sealedRoot = await founded(store, options);
  const keys = new Map<string, DataKey>();
  let newest: DataKey | undefined;

  const load = async (): Promise<void> => {
    for (const kept of await store.dataKeys()) {
      newest = keys.get(kept.id) ?? (await unwrapped(kept, options));
      keys.set(kept.id, newest);
    }
  };

  const open = async (place: Place, sealed: Uint8Array): Promise<Uint8Array> => {
    const id = dataKeyIdOf(sealed, place);
    // Another node may have drawn it since.
    if (!keys.has(id)) await load();
    const key = keys.get(id);
    if (key === undefined) throw new BrokenSeal(place);
    return openValue(key, place, sealed);
  };

  await load();
  const root = await open(ROOT_PLACE, sealedRoot).catch((error: unknown) => {
    throw error instanceof BrokenSeal ? new StartRefused(`${error.message}: nothing can be trusted`) : error;
  });
  return {
    root,
    seal(place, plain) {
      if (newest === undefined) throw new Error('there is no data key');
      return sealValue(newest, place, plain);
    },
    open: (place, sealed) =>
      open(place, sealed).catch((error: unknown) => {
        if (error instanceof BrokenSeal) options.onBroken(error);
        throw error;
      }),
  };
}

export interface DrawnKey {
  readonly key: DataKey;
  readonly kept: WrappedKey;
}

export async function drawDataKey(by: KeyEncryption, createdAt: number): Promise<DrawnKey> {
  const id = newId('dek');
  const bytes = randomBytes(32);
  const wrapped = await by.wrap(bytes, contextOf(id));
  return { key: { id, key: createSecretKey(bytes) }, kept: { id, by: by.name, wrapped, createdAt } };
}

/** @throws StartRefused where no key at hand decrypts it */
export async function unwrapped(
  { id, by, wrapped }: WrappedKey,
  { current, others }: Pick<CustodyOptions, 'current' | 'others'>,
): Promise<DataKey> {
  const encryption = [current, ...others].find(({ name }) => name === by);
  if (encryption === undefined) throw new StartRefused(WRONG_KEY);
  const bytes = await encryption.unwrap(wrapped, contextOf(id)).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : 'it failed';
    throw new StartRefused(`data key ${id} cannot be decrypted: ${why}`);
  });
  return { id, key: createSecretKey(bytes) };
}

/** What authenticates a data key: of another id it is none. */
export function contextOf(id: string): Uint8Array {
  return new TextEncoder().encode(`tessera/v1/data-key/${id}`);
}

async function founded(store: Keeping, options: CustodyOptions): Promise<Uint8Array> {
  for (let waits = 0; ; waits += 1) {
    const text = await store.meta(ROOT_SECRET);
    if (text !== undefined) return new Uint8Array(Buffer.from(text, 'base64url'));
    if (options.mayFound) {
      await found(store, options);
      continue;
    }
    if (waits === 0) options.onWait();
    await delay(PAUSE_MS);
  }
}

/** Safe when several processes start at once: the first makes it, and the others find it made. */
async function found(store: Keeping, { current, masters, now }: CustodyOptions): Promise<void> {
  const { key, kept } = await drawDataKey(current, now());
  await store.write(async (tx) => {
    if ((await tx.meta(ROOT_SECRET)) !== undefined) return;
    const root = rootOf(await tx.meta(KEY_CHECK), masters);
    await tx.putDataKey(kept);
    await tx.setMeta(ROOT_SECRET, Buffer.from(sealValue(key, ROOT_PLACE, root)).toString('base64url'));
  });
}

/** A new secret; of a store that is older than this, the master key that everything in it was derived from. */
function rootOf(check: string | undefined, masters: readonly Uint8Array[]): Uint8Array {
  if (check === undefined) return randomBytes(32);
  const root = masters.find((master) => keyCheck(master) === check);
  if (root === undefined) throw new StartRefused(WRONG_KEY);
  return root;
}
