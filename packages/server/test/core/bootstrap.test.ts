/** The first start happens once, on however many nodes at once; the root token is the one of the setting, and no earlier one. */
import { generate } from '@tessera/token';
import { digestKey } from '@tessera/verify';
import { describe, expect, test } from 'vitest';
import { auditSeal } from '../../src/core/audit-chain.ts';
import { bootstrap } from '../../src/core/bootstrap.ts';
import { mint } from '../../src/core/tokens/mint.ts';
import { openStore } from '../../src/store/open.ts';
import { aPlatform, auditKey, minter, NOW, type Platform, refusalOf } from './support/platform.ts';

const text = (environment: 'live' | 'test' = 'live') => generate({ prefix: 'tsm', environment });

function start({ store }: Pick<Platform, 'store'>, rootToken?: string) {
  return bootstrap(store, { rootToken, now: NOW });
}

async function stateOf({ store }: Platform, rootToken: string): Promise<string | undefined> {
  const context = await store.find(digestKey(rootToken));
  return context && `${context.token.name} ${context.secret.state}`;
}

test('ten starts at once, on two connections, make one workspace and one root token', async () => {
  const platform = await aPlatform();
  const second = await openStore({
    url: undefined,
    dataFolder: platform.folder,
    seal: auditSeal(auditKey),
    clock: platform.clock,
  });
  platform.tamper('delete from meta');
  const starts = await Promise.all(
    Array.from({ length: 10 }, (_, index) => start({ store: index % 2 === 0 ? platform.store : second })),
  );
  await second.close();
  expect(new Set(starts.map(({ defaultWorkspace }) => defaultWorkspace)).size).toBe(1);
  const shown = starts.flatMap(({ rootToken }) => rootToken ?? []);
  expect(shown).toHaveLength(1);
  expect(await stateOf(platform, shown[0] ?? '')).toBe('root active');
  // The one that the platform of the test began with, and the one of these starts.
  expect(await platform.store.workspaces({ limit: 10, before: undefined })).toHaveLength(2);
});

test('a later start shows no token, and changes nothing', async () => {
  const platform = await aPlatform();
  const before = await platform.store.auditHead(platform.workspace);
  expect(await start(platform)).toEqual({ defaultWorkspace: platform.workspace, rootToken: undefined });
  expect(await start(platform, platform.rootText)).toEqual({
    defaultWorkspace: platform.workspace,
    rootToken: undefined,
  });
  expect(await platform.store.auditHead(platform.workspace)).toEqual(before);
});

describe('another root token', () => {
  test('ends the one before, in the feed and the log', async () => {
    const platform = await aPlatform();
    const next = text('test');
    await start(platform, next);
    expect(await stateOf(platform, platform.rootText)).toBe('root retired');
    expect(await stateOf(platform, next)).toBe('root active');
    expect((await platform.store.find(digestKey(next)))?.token.environment).toBe('test');
    const [change] = (await platform.store.changes({ workspace: undefined, since: 0, limit: 100 })).slice(-1);
    expect(change).toMatchObject({ kind: 'token.rotated', id: platform.root.actor.token });
    const head = await platform.store.auditHead(platform.workspace);
    expect(await platform.store.audit(platform.workspace, { after: (head?.seq ?? 0) - 1, limit: 1 })).toMatchObject([
      { action: 'token.rotate', actor: { kind: 'system' }, target: { id: platform.root.actor.token } },
    ]);
  });

  test('is not one that was replaced before', async () => {
    const platform = await aPlatform();
    const next = text();
    await start(platform, next);
    expect(await refusalOf(start(platform, platform.rootText))).toContain('was replaced before; draw a new one');
    expect(await stateOf(platform, next)).toBe('root active');
  });

  test('is not another token’s secret', async () => {
    const platform = await aPlatform();
    const minted = await platform.as(platform.root, (tx, by) => mint(tx, by, { name: 'k', scopes: [] }, minter));
    expect(await refusalOf(start(platform, minted.text))).toContain('is the secret of another token');
    expect(await stateOf(platform, platform.rootText)).toBe('root active');
    expect(await stateOf(platform, minted.text)).toBe('k active');
  });

  test.each(['hunter2', '', `${text()}x`, text().slice(0, -1)])('is not malformed: %#', async (malformed) => {
    const platform = await aPlatform();
    const refusal = await refusalOf(start(platform, malformed));
    expect(refusal).toContain('is not a well-formed token text');
    if (malformed !== '') expect(refusal).not.toContain(malformed);
    expect(await stateOf(platform, platform.rootText)).toBe('root active');
  });
});
