/** What an administrator does with the keys of a workspace. */
import type { Body } from '@tessera/contract';
import { UnusableKeyError } from '@tessera/verify/jose';
import { type Call, checkVersion } from '../call.ts';
import type { RingKey } from '../model.ts';
import { invalid, notFound, Refusal } from '../refusal.ts';
import type { Reader, Tx } from '../store-port.ts';
import type { KeyAlgorithm } from './algorithms.ts';
import { generateKey, importKey, type KeyMaterial } from './key-material.ts';
import { insertMade, move, ringOf, type Sealing, takenBy } from './steps.ts';

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
  if ((await ringOf(tx, takenBy(call), alg)).some((key) => key.state === state))
    throw new Refusal('conflict', `there is a key for ${alg} that is ${state} already`);
  const material = jwk === undefined ? await generateKey(alg) : imported(alg, jwk);
  const origin = jwk === undefined ? 'generated' : 'imported';
  return insertMade(tx, takenBy(call), { material, state, origin, sealing });
}

/** A key that waits signs from now on; the one before verifies on. */
export async function activateKey(tx: Tx, call: Call, id: string): Promise<RingKey> {
  const key = await keyById(tx, call, id);
  checkVersion(call, key);
  if (key.state === 'active') return key;
  if (key.state !== 'next') throw new Refusal('conflict', `the key is ${key.state}: only a next one is activated`);
  const by = takenBy(call);
  const old = (await ringOf(tx, by, key.alg)).find(({ state }) => state === 'active');
  if (old !== undefined) await move(tx, by, old, 'retired');
  return move(tx, by, key, 'active');
}

/** Nothing is signed with it any more, and until another one is active nothing with its algorithm. */
export async function retireKey(tx: Tx, call: Call, id: string): Promise<RingKey> {
  const key = await keyById(tx, call, id);
  checkVersion(call, key);
  if (key.state === 'retired') return key;
  if (key.state !== 'active') throw new Refusal('conflict', `the key is ${key.state}: only an active one is retired`);
  return move(tx, takenBy(call), key, 'retired');
}

/** Both halves are forgotten: what it signed verifies no more, from now on. */
export async function deleteKey(tx: Tx, call: Call, id: string): Promise<void> {
  const key = await keyById(tx, call, id);
  checkVersion(call, key);
  if (key.state === 'gone') return;
  if (key.state === 'active') throw new Refusal('conflict', 'the key is active: rotate or retire it first');
  await move(tx, takenBy(call), key, 'gone');
}

function imported(alg: KeyAlgorithm, jwk: Readonly<Record<string, unknown>>): KeyMaterial {
  try {
    return importKey(alg, jwk);
  } catch (error) {
    throw error instanceof UnusableKeyError ? invalid('/jwk', error.message) : error;
  }
}
