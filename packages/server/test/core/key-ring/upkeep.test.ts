/** Keys are replaced when they are old, once over however many nodes, and forgotten when nothing needs them. */
import { expect, test } from 'vitest';
import { foundRing, keepRings } from '../../../src/core/key-ring/upkeep.ts';
import type { Store } from '../../../src/core/store-port.ts';
import { aPlatform, DAY, NOW } from '../support/platform.ts';

const sealing = { seal: (_place: unknown, plain: Uint8Array) => plain };
const HOUR = 3_600_000;
const activeMs = 90 * DAY;

async function statesOf(store: Store, workspace: string): Promise<readonly string[]> {
  return (await store.keys(workspace, { limit: 100, before: undefined })).map(({ state }) => state).sort();
}

test('ten that found one ring found it once', async () => {
  const { store, workspace } = await aPlatform();
  await Promise.all(Array.from({ length: 10 }, () => foundRing(store, 'EdDSA', { workspace, now: NOW, sealing })));
  expect(await statesOf(store, workspace)).toEqual(['active', 'next']);
});

test('a key is replaced when it has signed for long enough, once, and forgotten an hour later', async () => {
  const { store, workspace } = await aPlatform();
  await foundRing(store, 'EdDSA', { workspace, now: NOW, sealing });
  const keep = (now: number) =>
    Promise.all(Array.from({ length: 5 }, () => keepRings(store, { now, sealing, activeMs })));
  await keep(NOW + activeMs - 1);
  expect(await statesOf(store, workspace)).toEqual(['active', 'next']);
  await keep(NOW + activeMs);
  expect(await statesOf(store, workspace)).toEqual(['active', 'next', 'retired']);
  await keep(NOW + activeMs + HOUR - 1);
  expect(await statesOf(store, workspace)).toEqual(['active', 'next', 'retired']);
  await keep(NOW + activeMs + HOUR);
  expect(await statesOf(store, workspace)).toEqual(['active', 'gone', 'next']);
  const records = await store.audit(workspace, { after: 0, limit: 100 });
  const actions = records.flatMap(({ action, actor }) =>
    action.startsWith('key.') ? [`${actor.kind} ${action}`] : [],
  );
  expect(actions).toEqual([
    'system key.create',
    'system key.create',
    'system key.retire',
    'system key.activate',
    'system key.create',
    'system key.delete',
  ]);
});

test('what signed something that lives longer is kept for as long', async () => {
  const { store, workspace } = await aPlatform();
  await foundRing(store, 'EdDSA', { workspace, now: NOW, sealing });
  const [active] = (await store.liveKeys(workspace)).filter(({ state }) => state === 'active');
  if (active === undefined) throw new Error('no active key');
  const neededUntil = NOW + activeMs + 10 * DAY;
  await store.write((tx) => tx.updateKey({ ...active, neededUntil }));
  await keepRings(store, { now: NOW + activeMs, sealing, activeMs });
  await keepRings(store, { now: neededUntil - 1, sealing, activeMs });
  expect(await statesOf(store, workspace)).toEqual(['active', 'next', 'retired']);
  await keepRings(store, { now: neededUntil, sealing, activeMs });
  expect(await statesOf(store, workspace)).toEqual(['active', 'gone', 'next']);
});

test('where keys sign for ever, none is replaced', async () => {
  const { store, workspace } = await aPlatform();
  await foundRing(store, 'EdDSA', { workspace, now: NOW, sealing });
  await keepRings(store, { now: NOW + 10_000 * DAY, sealing, activeMs: 0 });
  expect(await statesOf(store, workspace)).toEqual(['active', 'next']);
});
