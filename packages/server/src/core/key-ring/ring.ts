/** The keys of a workspace: made or taken over, activated, replaced, retired and forgotten, each step on record. */
import type { Body } from '@tessera/contract';
import { UnusableKeyError } from '@tessera/verify/jose';
import { type Call, checkVersion, record } from '../call.ts';
import type { Custody } from '../custody/custody.ts';
import type { Place } from '../custody/place.ts';
import { newId } from '../ids.ts';
import type { RingKey } from '../model.ts';
import { invalid, notFound, Refusal } from '../refusal.ts';
import type { Reader, Tx } from '../store-port.ts';
import type { KeyAlgorithm } from './algorithms.ts';
import { generateKey, importKey, type KeyMaterial } from './key-material.ts';

export type Sealing = Pick<Custody, 'seal'>;

/** Where the private half of a key is sealed for. */
export function placeOf({ workspace, id }: Pick<RingKey, 'workspace' | 'id'>): Place {
  return { workspace, table: 'keys', column: 'sealed', row: id };
}

export async function keyById(reader: Reader, call: Call, id: string): Promise<RingKey> {
  const key = await reader.key(call.workspace, id);
  if (key === undefined) throw notFound('key');
  return key;
}

export async function createKey(
  tx: Tx,
  call: Call,
  { input, sealing }: { readonly input: Body<'keys.create'>; readonly sealing: Sealing },
): Promise<RingKey> {
  const { alg, jwk, state = 'next' } = input;
  await refuseSecond(tx, call, { alg, state });
  const material = jwk === undefined ? await generateKey(alg) : imported(alg, jwk);
  return insert(tx, call, { material, state, origin: jwk === undefined ? 'generated' : 'imported', sealing });
}

export interface Rotated {
  readonly active: RingKey;
  readonly next: RingKey;
  /** Undefined: there was no active one. */
  readonly retired: RingKey | undefined;
}

/** The next key signs from now on, and one that is drawn now is the next. What the one before signed holds until it expires. */
export async function rotateKeys(
  tx: Tx,
  call: Call,
  { alg, sealing }: { readonly alg: KeyAlgorithm; readonly sealing: Sealing },
): Promise<Rotated> {
  const ring = await ringOf(tx, call, alg);
  const old = ring.find(({ state }) => state === 'active');
  const waiting = ring.find(({ state }) => state === 'next');
  const drawn = async (state: 'next' | 'active') =>
    insert(tx, call, { material: await generateKey(alg), state, origin: 'generated', sealing });
  const retired = old && (await move(tx, call, old, 'retired'));
  const active = waiting === undefined ? await drawn('active') : await move(tx, call, waiting, 'active');
  return { active, next: await drawn('next'), retired };
}

/** A key that waits signs from now on; the one before verifies on. */
export async function activateKey(tx: Tx, call: Call, id: string): Promise<RingKey> {
  const key = await keyById(tx, call, id);
  checkVersion(call, key);
  if (key.state === 'active') return key;
  if (key.state !== 'next') throw new Refusal('conflict', `the key is ${key.state}: only a next one is activated`);
  const old = (await ringOf(tx, call, key.alg)).find(({ state }) => state === 'active');
  if (old !== undefined) await move(tx, call, old, 'retired');
  return move(tx, call, key, 'active');
}

/** Nothing is signed with it any more, and until another one is active nothing with its algorithm. */
export async function retireKey(tx: Tx, call: Call, id: string): Promise<RingKey> {
  const key = await keyById(tx, call, id);
  checkVersion(call, key);
  if (key.state === 'retired') return key;
  if (key.state !== 'active') throw new Refusal('conflict', `the key is ${key.state}: only an active one is retired`);
  return move(tx, call, key, 'retired');
}

/** Both halves are forgotten: what it signed verifies no more, from now on. */
export async function deleteKey(tx: Tx, call: Call, id: string): Promise<void> {
  const key = await keyById(tx, call, id);
  checkVersion(call, key);
  if (key.state === 'gone') return;
  if (key.state === 'active') throw new Refusal('conflict', 'the key is active: rotate or retire it first');
  await move(tx, call, key, 'gone');
}

async function ringOf(tx: Tx, call: Call, alg: KeyAlgorithm): Promise<readonly RingKey[]> {
  return (await tx.liveKeys(call.workspace)).filter((key) => key.alg === alg);
}

async function refuseSecond(
  tx: Tx,
  call: Call,
  { alg, state }: { readonly alg: KeyAlgorithm; readonly state: 'next' | 'active' },
): Promise<void> {
  if ((await ringOf(tx, call, alg)).some((key) => key.state === state))
    throw new Refusal('conflict', `there is a key for ${alg} that is ${state} already`);
}

async function insert(
  tx: Tx,
  call: Call,
  made: {
    readonly material: KeyMaterial;
    readonly state: 'next' | 'active';
    readonly origin: RingKey['origin'];
    readonly sealing: Sealing;
  },
): Promise<RingKey> {
  const { material, state, origin, sealing } = made;
  const { workspace, now } = call;
  const id = newId('key');
  const key: RingKey = {
    id,
    workspace,
    alg: material.alg,
    state,
    origin,
    publicJwk: material.publicJwk ?? null,
    sealed: sealing.seal(placeOf({ workspace, id }), material.secret),
    activatedAt: state === 'active' ? now : null,
    retiredAt: null,
    neededUntil: null,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  await tx.insertKey(key);
  record(tx, call, 'key.create', { type: 'key', id }, { alg: key.alg, state, origin });
  tx.changed({ workspace, kind: 'key.created', id });
  return key;
}

const ACTION = { active: 'activate', retired: 'retire', gone: 'delete' } as const;
const CHANGE = { active: 'activated', retired: 'retired', gone: 'deleted' } as const;

async function move(tx: Tx, call: Call, key: RingKey, state: keyof typeof ACTION): Promise<RingKey> {
  const next: RingKey = {
    ...key,
    state,
    ...(state === 'active' && { activatedAt: call.now }),
    ...(state === 'retired' && { retiredAt: call.now }),
    ...(state === 'gone' && { publicJwk: null, sealed: null }),
    updatedAt: call.now,
    version: key.version + 1,
  };
  await tx.updateKey(next);
  record(tx, call, `key.${ACTION[state]}`, { type: 'key', id: key.id }, { state: { from: key.state, to: state } });
  tx.changed({ workspace: key.workspace, kind: `key.${CHANGE[state]}`, id: key.id });
  return next;
}

function imported(alg: KeyAlgorithm, jwk: Readonly<Record<string, unknown>>): KeyMaterial {
  try {
    return importKey(alg, jwk);
  } catch (error) {
    throw error instanceof UnusableKeyError ? invalid('/jwk', error.message) : error;
  }
}
