/** Facts in memory are believed only as long as nothing they rest on has changed, and only as far as that can be known. */
import { type DigestKey, digestKeyOf } from '@tessera/verify';
import { describe, expect, test } from 'vitest';
import { leastCpu } from '../../../verify/test/support/least-cpu.ts';
import { type FactsCache, factsCache } from '../../src/core/facts-cache.ts';
import { createFeed, type Feed } from '../../src/core/feed.ts';
import type { Change, Token, TokenContext } from '../../src/core/model.ts';
import { anApi, anOwner, aRole, aSecret, aToken, aWorkspace } from '../store/support/fixtures.ts';
import { type ScriptedStore, scriptedStore } from './support/scripted-store.ts';

interface Cached {
  readonly store: ScriptedStore;
  readonly feed: Feed;
  readonly cache: FactsCache;
  readonly lookups: string[];
  readonly time: { now: number };
  add(over?: Partial<TokenContext>): { readonly digest: DigestKey; readonly context: TokenContext };
  /** Whether it is answered from memory. */
  isKept(digest: DigestKey): boolean;
}

async function aCache({ maxTokens = 100 } = {}): Promise<Cached> {
  const store = scriptedStore();
  const time = { now: 0 };
  const feed = createFeed({ store, monotonic: () => time.now, boundMs: 5000, onError: () => {} });
  const lookups: string[] = [];
  const cache = factsCache({ store, feed, maxTokens, onLookup: (outcome) => lookups.push(outcome) });
  await cache.load();
  await feed.start();
  // What is polled is told by `commitHere`: here only the time of the last news counts.
  feed.stop();
  const workspace = aWorkspace();
  return {
    store,
    feed,
    cache,
    lookups,
    time,
    add(over = {}) {
      const api = anApi(workspace.id);
      const token = aToken(workspace.id, api.id);
      const secret = aSecret(token.id);
      const context: TokenContext = { secret, token, api, workspace, owner: null, roles: [], ancestors: [], ...over };
      const digest = digestKeyOf(context.secret.digest);
      store.known.set(digest, context);
      return { digest, context };
    },
    isKept(digest) {
      const before = store.finds;
      void cache.find(digest);
      return store.finds === before;
    },
  };
}

function changed(kind: Change['kind'], id: string, workspace: string): Omit<Change, 'seq' | 'at'> {
  return { kind, id, workspace };
}

describe('kept', () => {
  test('once found, until it changes', async () => {
    const { add, cache, isKept, lookups, store } = await aCache();
    const { digest, context } = add();
    const first = cache.find(digest);
    expect(cache.find(digest)).toBe(first);
    expect({ lookups, has: cache.has(digest) }).toEqual({ lookups: ['miss', 'hit'], has: true });
    store.commitHere(changed('token.revoked', context.token.id, context.workspace.id));
    expect({ has: cache.has(digest), kept: isKept(digest) }).toEqual({ has: false, kept: false });
  });

  test('never that a digest is unknown: its token may be minted the next moment', async () => {
    const { cache, add, store } = await aCache();
    const { digest, context } = add();
    store.known.delete(digest);
    expect(cache.find(digest)).toBeUndefined();
    store.known.set(digest, context);
    expect(cache.find(digest)).toMatchObject({ id: context.token.id });
  });

  test('no more tokens than there is room for, and no trace of those that went', async () => {
    const { add, cache, isKept, store } = await aCache({ maxTokens: 10 });
    const all = Array.from({ length: 100 }, () => add());
    for (const { digest } of all) void cache.find(digest);
    expect(all.filter(({ digest }) => cache.has(digest))).toHaveLength(10);
    for (const { context } of all) store.commitHere(changed('token.updated', context.token.id, context.workspace.id));
    expect(all.filter(({ digest }) => cache.has(digest) || isKept(digest))).toEqual([]);
  });

  test('both secrets of a token go when it changes', async () => {
    const { add, cache, store } = await aCache();
    const { digest, context } = add();
    const { digest: other } = add({ ...context, secret: aSecret(context.token.id) });
    void cache.find(digest);
    void cache.find(other);
    store.commitHere(changed('token.rotated', context.token.id, context.workspace.id));
    expect([cache.has(digest), cache.has(other)]).toEqual([false, false]);
  });

  test('what descends from a token goes when that changes, however far down, and nothing beside it', async () => {
    const { add, cache, store } = await aCache();
    const { digest: top, context } = add();
    const { token, workspace, api } = context;
    const middle = aToken(workspace.id, api.id, { parent: token.id });
    const { digest: leaf } = add({ ...context, token: middle, secret: aSecret(middle.id), ancestors: [token] });
    const { digest: deeper } = add({ ...context, ...childOf(middle), ancestors: [middle, token] });
    const { digest: beside } = add({ ...context, ...childOf(aToken(workspace.id, api.id)) });
    const all = [top, leaf, deeper, beside];
    const kept = () => all.map(cache.has);
    for (const digest of all) void cache.find(digest);
    store.commitHere(changed('token.updated', middle.id, workspace.id));
    expect(kept()).toEqual([true, false, false, true]);
    for (const digest of all) void cache.find(digest);
    store.commitHere(changed('token.revoked', token.id, workspace.id));
    expect(kept()).toEqual([false, false, false, true]);
  });
});

function childOf({ workspace, api, id }: Token): Pick<TokenContext, 'token' | 'secret'> {
  const token = aToken(workspace, api, { parent: id });
  return { token, secret: aSecret(token.id) };
}

describe('dropped', () => {
  const workspace = aWorkspace();
  const api = anApi(workspace.id);
  const owner = anOwner(workspace.id);
  const role = aRole(workspace.id);
  const elsewhere = aWorkspace();
  test.each([
    ['token.disabled', 'own token', true],
    ['token.disabled', 'other token', false],
    ['token.created', 'other token', false],
    ['owner.disabled', owner.id, true],
    ['owner.deleted', owner.id, true],
    ['owner.updated', 'own_other', false],
    ['owner.created', 'own_other', false],
    ['api.updated', api.id, true],
    ['api.updated', 'api_other', false],
    ['api.created', 'api_other', false],
    ['role.updated', role.id, true],
    ['role.deleted', 'role_other', true],
    ['role.created', 'role_other', false],
    ['workspace.updated', workspace.id, true],
    ['workspace.deleted', workspace.id, true],
  ] as const)('%s of %s: %s', async (kind, id, dropped) => {
    const { add, cache, store } = await aCache();
    const token = aToken(workspace.id, api.id, { owner: owner.id });
    const { digest } = add({ workspace, api, owner, roles: [role], token, secret: aSecret(token.id) });
    void cache.find(digest);
    const target = id === 'own token' ? token.id : id === 'other token' ? 'tok_other' : id;
    store.commitHere(changed(kind, target, elsewhere.id));
    if (!kind.startsWith('token.')) expect(cache.has(digest)).toBe(true);
    store.commitHere(changed(kind, target, workspace.id));
    expect(cache.has(digest)).toBe(!dropped);
  });

  test('all of it where a change may have been missed', () => {
    const store = scriptedStore();
    const { promise: told, resolve: listen } = Promise.withResolvers<(change: 'missed') => void>();
    const feed: Feed = {
      fresh: () => true,
      follows: () => true,
      lagMs: () => 0,
      source: () => 'poll',
      newest: () => undefined,
      answers: () => 0,
      position: () => 0,
      subscribe(listener) {
        listen(listener);
        return () => {};
      },
      start: () => Promise.resolve(),
      stop: () => {},
    };
    const cache = factsCache({ store, feed, maxTokens: 10, onLookup: () => {} });
    const digests = [1, 2].map(() => {
      const token = aToken(workspace.id, api.id);
      const secret = aSecret(token.id);
      const digest = digestKeyOf(secret.digest);
      store.known.set(digest, { secret, token, api, workspace, owner: null, roles: [], ancestors: [] });
      void cache.find(digest);
      return digest;
    });
    expect(digests.filter((digest) => cache.has(digest))).toHaveLength(2);
    return told.then((tell) => {
      tell('missed');
      expect(digests.filter((digest) => cache.has(digest))).toEqual([]);
    });
  });
});

describe('not believed', () => {
  test('beyond the bound: the store is asked, and denies where it cannot tell', async () => {
    const { add, cache, lookups, store, time } = await aCache();
    const { digest } = add();
    void cache.find(digest);
    time.now += 5000;
    expect(cache.find(digest)).toBeDefined();
    time.now += 1;
    store.broken = new Error('away');
    expect(() => cache.find(digest)).toThrow('away');
    expect({ has: cache.has(digest), lookups }).toEqual({ has: false, lookups: ['miss', 'hit', 'stale'] });
  });

  test('after a pause of the process: the first look-up asks the store, and is not kept either', async () => {
    const { add, cache, isKept, store, time } = await aCache();
    const { digest, context } = add();
    void cache.find(digest);
    time.now += 60_000;
    store.known.set(digest, { ...context, token: { ...context.token, revokedAt: 1 } });
    expect(cache.find(digest)).toMatchObject({ revokedAt: 1 });
    expect(isKept(digest)).toBe(false);
  });

  test('what was read before the feed was followed: what changed since then would not be told', async () => {
    const store = scriptedStore();
    const feed = createFeed({ store, monotonic: () => 0, boundMs: 5000, onError: () => {} });
    const cache = factsCache({ store, feed, maxTokens: 10, onLookup: () => {} });
    const workspace = aWorkspace();
    const api = anApi(workspace.id);
    const token = aToken(workspace.id, api.id);
    const secret = aSecret(token.id);
    const digest = digestKeyOf(secret.digest);
    store.known.set(digest, { secret, token, api, workspace, owner: null, roles: [], ancestors: [] });
    expect(cache.find(digest)).toMatchObject({ id: token.id });
    await feed.start();
    feed.stop();
    expect(cache.has(digest)).toBe(false);
  });

  test('nothing of what was read while others changed, however many reads and changes there are', async () => {
    const { add, cache, isKept, store } = await aCache();
    const { digest, context } = add();
    const other = add();
    for (const how of ['one', 'failed', 'all'] as const) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      store.findsAfter = promise;
      const reads = [digest, other.digest].map(async (one) => cache.find(one));
      for (let index = 0; index < (how === 'all' ? 5000 : 1); index += 1)
        store.commitHere(changed('token.revoked', other.context.token.id, context.workspace.id));
      if (how === 'failed') reject(new Error('away'));
      else resolve();
      await Promise.allSettled(reads);
      // With more changes than are remembered, nothing is kept: it is read again.
      expect([how, cache.has(digest), cache.has(other.digest)]).toEqual([how, how === 'one', false]);
      store.commitHere(changed('token.updated', context.token.id, context.workspace.id));
    }
    store.findsAfter = undefined;
    await cache.find(digest);
    expect(isKept(digest)).toBe(true);
  });

  test('what was read while it changed itself: it is used once', async () => {
    const { add, cache, isKept, store } = await aCache();
    const { digest, context } = add();
    const { promise, resolve } = Promise.withResolvers<void>();
    store.findsAfter = promise;
    const old = cache.find(digest);
    store.known.set(digest, { ...context, token: { ...context.token, revokedAt: 1 } });
    store.commitHere(changed('token.revoked', context.token.id, context.workspace.id));
    resolve();
    expect(await old).toMatchObject({ revokedAt: undefined });
    expect(cache.has(digest)).toBe(false);
    expect(isKept(digest)).toBe(false);
    expect(await cache.find(digest)).toMatchObject({ revokedAt: 1 });
  });
});

describe('imported tokens', () => {
  test('are looked up by what they begin with, longest text and many prefixes alike', async () => {
    const { cache, store } = await aCache();
    for (let index = 0; index < 10_000; index += 1) store.prefixes.push({ prefix: `p${index}_`, algorithm: 'sha256' });
    store.prefixes.push({ prefix: 'sk_live_', algorithm: 'sha256' }, { prefix: 'sk_', algorithm: 'sha512' });
    await cache.load();
    expect(cache.imported('sk_live_1').map((digest) => digest.length)).toEqual([64, 32]);
    expect(cache.imported('sk_test_1').map((digest) => digest.length)).toEqual([64]);
    expect(cache.imported('pk_live_1')).toEqual([]);
    expect(cache.imported('')).toEqual([]);
    const asking = (): void => {
      for (let index = 0; index < 10_000; index += 1) cache.imported('p_nothing_begins_like_this');
    };
    expect(await leastCpu(asking)).toBeLessThan(500);
  });

  test('are known after an import elsewhere, though the first read of them failed', async () => {
    const { cache, store } = await aCache();
    store.prefixes.push({ prefix: 'sk_', algorithm: 'sha256' });
    store.broken = new Error('away');
    store.commitHere(changed('token.imported', 'tok_1', 'ws_1'));
    await settled();
    expect(cache.imported('sk_1')).toEqual([]);
    store.broken = undefined;
    await settled();
    void cache.imported('sk_1');
    await settled();
    expect(cache.imported('sk_1')).toHaveLength(1);
  });
});

/** Lets what waits for scripted answers go on: they are promises that are resolved already. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
