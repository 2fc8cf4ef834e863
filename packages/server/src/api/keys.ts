/** Operations on the key ring. No private half ever passes here on its way out. */
import type { Output } from '@tessera/contract';
import { algorithms } from '../core/key-ring/algorithms.ts';
import { activateKey, createKey, deleteKey, keyById, retireKey } from '../core/key-ring/ring.ts';
import { rotateRing, takenBy } from '../core/key-ring/steps.ts';
import type { RingKey } from '../core/model.ts';
import { listed } from './listed.ts';
import type { ReadHandlers, ReadName, WriteHandlers, WriteName } from './services.ts';
import { time, timeOrNull } from './views.ts';

export const keyReads: ReadHandlers<Extract<ReadName, `keys.${string}`>> = {
  async 'keys.list'({ call, query, services }) {
    const read = services.store.keys;
    return { output: await listed('keys', { call, query, services }, (page) => read(call.workspace, page), keyView) };
  },
  'keys.get': async ({ call, params, services }) => versioned(await keyById(services.store, call, params.id)),
};

export const keyWrites: WriteHandlers<Extract<WriteName, `keys.${string}`>> = {
  'keys.create': async (tx, { call, body, services: { sealing } }) =>
    versioned(await createKey(tx, call, { input: body, sealing })),
  async 'keys.rotate'(tx, { call, body, services: { sealing } }) {
    const { active, next, retired } = await rotateRing(tx, takenBy(call), { alg: body.alg, sealing });
    return { output: { active: keyView(active), next: keyView(next), retired: retired ? keyView(retired) : null } };
  },
  'keys.activate': async (tx, { call, params }) => versioned(await activateKey(tx, call, params.id)),
  'keys.retire': async (tx, { call, params }) => versioned(await retireKey(tx, call, params.id)),
  async 'keys.delete'(tx, { call, params }) {
    await deleteKey(tx, call, params.id);
    return { output: {} };
  },
};

function versioned(key: RingKey): { output: Output<'keys.get'>; version: number } {
  return { output: keyView(key), version: key.version };
}

function keyView({ id, alg, state, origin, publicJwk, createdAt, ...times }: RingKey): Output<'keys.get'> {
  return {
    id,
    alg,
    use: algorithms[alg].use,
    state,
    origin,
    publicJwk: publicJwk && { ...publicJwk },
    createdAt: time(createdAt),
    activatedAt: timeOrNull(times.activatedAt),
    retiredAt: timeOrNull(times.retiredAt),
    neededUntil: timeOrNull(times.neededUntil),
  };
}
