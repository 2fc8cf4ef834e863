/** A store that was away may come back as an older copy: what was read ahead of the feed is read again, and the rest, which the copy has, is not. */
import { type DigestKey, digestKeyOf } from '@tessera/verify';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { factsCache } from '../../src/core/facts-cache.ts';
import { createFeed } from '../../src/core/feed.ts';
import { readAhead } from '../../src/core/read-ahead.ts';
import { anApi, aSecret, aToken, aWorkspace } from '../store/support/fixtures.ts';
import { scriptedStore } from './support/scripted-store.ts';

const POLL_MS = 250;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function aNode() {
  const store = scriptedStore();
  const workspace = aWorkspace();
  store.commitElsewhere({ workspace: workspace.id, kind: 'workspace.created', id: workspace.id });
  const time = { now: 0 };
  const feed = createFeed({
    store,
    monotonic: () => time.now,
    boundMs: 60_000,
    pollMs: POLL_MS,
    onError: () => {},
  });
  const cache = factsCache({ store, feed, maxTokens: 100, onLookup: () => {} });
  await cache.load();
  onTestFinished(() => feed.stop());
  await feed.start();
  return {
    store,
    cache,
    /** A token that was minted elsewhere, and is known here from then on. */
    async found(): Promise<DigestKey> {
      const api = anApi(workspace.id);
      const token = aToken(workspace.id, api.id);
      const secret = aSecret(token.id);
      const digest = digestKeyOf(secret.digest);
      store.known.set(digest, { secret, token, api, workspace, owner: null, roles: [], ancestors: [] });
      await cache.find(digest);
      expect(cache.has(digest)).toBe(true);
      return digest;
    },
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 50) {
        time.now += 50;
        await vi.advanceTimersByTimeAsync(50);
      }
    },
  };
}

describe('where the store was away for a moment', () => {
  test('facts that were read after its last answer are read again, and older ones stay', async () => {
    const { store, cache, found, pass } = await aNode();
    const older = await found();
    await pass(2 * POLL_MS);
    await found();
    await pass(2 * POLL_MS);
    const ahead = await found();
    store.broken = new Error('away');
    await pass(POLL_MS);
    // Restored from a copy that holds all that the feed has told, and not the token.
    store.known.delete(ahead);
    store.broken = undefined;
    await pass(POLL_MS);
    expect([cache.has(older), cache.has(ahead)]).toEqual([true, false]);
    expect(cache.find(ahead)).toBeUndefined();
  });

  test('so are those that were read while the last poll was under way, which may have been asked before', async () => {
    const { store, cache, found, pass } = await aNode();
    const { promise, resolve } = Promise.withResolvers<void>();
    const poll = store.changes;
    Object.assign(store, {
      changes: async (filter: Parameters<typeof poll>[0]) => {
        const read = await poll(filter);
        await promise;
        return read;
      },
    });
    await pass(POLL_MS);
    const ahead = await found();
    Object.assign(store, { changes: poll });
    resolve();
    await pass(50);
    const next = await found();
    store.broken = new Error('away');
    await pass(POLL_MS);
    store.broken = undefined;
    await pass(POLL_MS);
    expect([cache.has(ahead), cache.has(next)]).toEqual([false, false]);
  });

  test('and what was being read is used once', async () => {
    const { store, cache, found, pass } = await aNode();
    const digest = await found();
    await pass(3 * POLL_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    store.commitHere({ workspace: 'ws_1', kind: 'token.updated', id: 'tok_x' });
    const context = store.known.get(digest);
    store.commitHere({ workspace: context?.workspace.id ?? '', kind: 'token.updated', id: context?.token.id ?? '' });
    store.findsAfter = promise;
    const reading = cache.find(digest);
    store.broken = new Error('away');
    await pass(POLL_MS);
    store.broken = undefined;
    await pass(POLL_MS);
    resolve();
    expect(await reading).toMatchObject({ id: context?.token.id });
    expect(cache.has(digest)).toBe(false);
  });
});

test('of a store that answers, only what was read since the last two answers is remembered', () => {
  let answers = 0;
  const ahead = readAhead<string>(() => answers);
  for (const read of ['a', 'b', 'c', 'd']) {
    ahead.add(read);
    answers += 1;
  }
  expect(ahead.take()).toEqual(['c', 'd']);
  expect(ahead.take()).toEqual([]);
  ahead.add('e');
  expect(ahead.take()).toEqual(['e']);
});
