/** The steps of a key: each is a row, a record in the audit log and a change in the feed. */
import { type Call, record } from '../call.ts';
import type { Custody } from '../custody/custody.ts';
import type { Place } from '../custody/place.ts';
import { newId } from '../ids.ts';
import type { RingKey } from '../model.ts';
import type { Tx } from '../store-port.ts';
import { systemRecord } from '../system-record.ts';
import type { KeyAlgorithm } from './algorithms.ts';
import { generateKey, type KeyMaterial } from './key-material.ts';

export type Sealing = Pick<Custody, 'seal'>;

/** Who takes the step; undefined: the platform itself. */
export interface Taken {
  readonly workspace: string;
  readonly now: number;
  readonly call?: Call;
}

export function takenBy(call: Call): Taken {
  return { workspace: call.workspace, now: call.now, call };
}

/** Verifiers keep a key set for a while, and what was signed a moment ago is on its way: a retired key stays at least so long. */
const RETIRED_FOR_MS = 3_600_000;

/** Where the private half of a key is sealed for. */
export function placeOf({ workspace, id }: Pick<RingKey, 'workspace' | 'id'>): Place {
  return { workspace, table: 'keys', column: 'sealed', row: id };
}

/** Those of one algorithm that are not gone. */
export async function ringOf(tx: Tx, { workspace }: Taken, alg: KeyAlgorithm): Promise<readonly RingKey[]> {
  return (await tx.liveKeys(workspace)).filter((key) => key.alg === alg);
}

export interface Made {
  readonly material: KeyMaterial;
  readonly state: 'next' | 'active';
  readonly origin: RingKey['origin'];
}

export async function insertMade(
  tx: Tx,
  by: Taken,
  { material, state, origin, sealing }: Made & { readonly sealing: Sealing },
): Promise<RingKey> {
  const { workspace, now } = by;
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
  tell(tx, by, { action: 'create', change: 'created', id, details: { alg: key.alg, state, origin } });
  return key;
}

export interface Rotated {
  readonly active: RingKey;
  readonly next: RingKey;
  /** Undefined: there was no active one. */
  readonly retired: RingKey | undefined;
}

/** The next key signs from now on, and one that is drawn now is the next. */
export async function rotateRing(
  tx: Tx,
  by: Taken,
  { alg, sealing }: { readonly alg: KeyAlgorithm; readonly sealing: Sealing },
): Promise<Rotated> {
  const ring = await ringOf(tx, by, alg);
  const old = ring.find(({ state }) => state === 'active');
  const waiting = ring.find(({ state }) => state === 'next');
  const drawn = async (state: 'next' | 'active') =>
    insertMade(tx, by, { material: await generateKey(alg), state, origin: 'generated', sealing });
  const retired = old && (await move(tx, by, old, 'retired'));
  const active = waiting === undefined ? await drawn('active') : await move(tx, by, waiting, 'active');
  return { active, next: await drawn('next'), retired };
}

const STEPS = {
  active: { action: 'activate', change: 'activated' },
  retired: { action: 'retire', change: 'retired' },
  gone: { action: 'delete', change: 'deleted' },
} as const;

export async function move(tx: Tx, by: Taken, key: RingKey, state: keyof typeof STEPS): Promise<RingKey> {
  const { now } = by;
  const next: RingKey = {
    ...key,
    state,
    ...(state === 'active' && { activatedAt: now }),
    ...(state === 'retired' && { retiredAt: now, neededUntil: Math.max(key.neededUntil ?? 0, now + RETIRED_FOR_MS) }),
    ...(state === 'gone' && { publicJwk: null, sealed: null }),
    updatedAt: now,
    version: key.version + 1,
  };
  await tx.updateKey(next);
  // What is encrypted is not opened in order to judge it: it ends with its key by its row.
  if (state === 'gone') await tx.endSignedWith({ workspace: key.workspace, key: key.id }, now);
  tell(tx, by, { ...STEPS[state], id: key.id, details: { state: { from: key.state, to: state } } });
  return next;
}

interface Step {
  readonly action: string;
  readonly change: string;
  readonly id: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function tell(tx: Tx, { workspace, now, call }: Taken, { action, change, id, details }: Step): void {
  const target = { type: 'key', id };
  if (call === undefined) systemRecord(tx, { workspace, now, action: `key.${action}`, target, details });
  else record(tx, call, `key.${action}`, target, details);
  tx.changed({ workspace, kind: `key.${change}`, id });
}
