/** What another worker of this process has committed is never answered from memory, from the moment that its caller may know. */
import { digestKeyOf } from '@tessera/verify';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { factsCache } from '../../src/core/facts-cache.ts';
import { createFeed, type News } from '../../src/core/feed.ts';
import type { TokenContext } from '../../src/core/model.ts';
import { anApi, aSecret, aToken, aWorkspace } from '../store/support/fixtures.ts';
import { scriptedStore } from './support/scripted-store.ts';

const POLL_MS = 250;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function aWorker() {
  const store = scriptedStore();
  const news = newsByHand();
  const time = { now: 0 };
  const feed = createFeed({
    store,
    news,
    monotonic: () => time.now,
    boundMs: 5000,
    pollMs: POLL_MS,
    onError: () => {},
  });
  const cache = factsCache({ store, feed, maxTokens: 100, onLookup: () => {} });
  onTestFinished(() => feed.stop());
  await feed.start();
  const workspace = aWorkspace();
  const api = anApi(workspace.id);
  const token = aToken(workspace.id, api.id);
  const secret = aSecret(token.id);
  const context: TokenContext = { secret, token, api, workspace, owner: null, roles: [], ancestors: [] };
  const digest = digestKeyOf(secret.digest);
  store.known.set(digest, context);
  await cache.find(digest);
  const revoked = { kind: 'token.revoked', id: token.id, workspace: workspace.id } as const;
  return { store, news, time, feed, cache, digest, context, revoked };
}

function newsByHand() {
  const listeners: (() => void)[] = [];
  const news = {
    newest: 0,
    announce(seq: number) {
      news.newest = Math.max(news.newest, seq);
    },
    isAfter: (seq: number) => news.newest > seq,
    onNews: (listener: () => void) => void listeners.push(listener),
    /** Wakes whoever listens. */
    wake: () => {
      for (const listener of listeners) listener();
    },
  };
  return news satisfies News;
}

describe('a worker that was told of a change it has not read', () => {
  test('believes nothing in its memory, asks the store, and keeps nothing of what it hears', async () => {
    const { cache, digest, feed, news, revoked, store } = await aWorker();
    expect(cache.known(digest)).toBeDefined();
    store.commitElsewhere(revoked);
    news.announce(1);
    expect({ fresh: feed.fresh(), follows: feed.follows(), known: cache.known(digest) }).toEqual({
      fresh: false,
      follows: true,
      known: undefined,
    });
    const before = store.finds;
    await cache.find(digest);
    await cache.find(digest);
    expect(store.finds).toBe(before + 2);
  });

  test('reads it as soon as it is woken, and believes its memory again', async () => {
    const { cache, digest, feed, news, revoked, store } = await aWorker();
    store.commitElsewhere(revoked);
    news.announce(1);
    news.wake();
    // No time passes: only what was promised is awaited.
    await vi.advanceTimersByTimeAsync(0);
    expect({ fresh: feed.fresh(), known: cache.known(digest) }).toEqual({ fresh: true, known: undefined });
    await cache.find(digest);
    expect(cache.known(digest)).toBeDefined();
  });

  test('reads it with the next poll where nothing wakes it', async () => {
    const { feed, news, revoked, store } = await aWorker();
    store.commitElsewhere(revoked);
    news.announce(1);
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(feed.fresh()).toBe(true);
  });

  test('reads on where it is told of the next one while it reads', async () => {
    const { feed, news, revoked, store } = await aWorker();
    store.commitElsewhere(revoked);
    news.announce(1);
    news.wake();
    store.commitElsewhere(revoked);
    news.announce(2);
    news.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(feed.fresh()).toBe(true);
  });

  test('does not read where it knows already', async () => {
    const { news, revoked, store } = await aWorker();
    store.commitHere(revoked);
    const before = store.polls;
    news.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(store.polls).toBe(before);
  });
});

describe('a worker that commits', () => {
  test('announces it before its own caches hear of it, and so before any caller does', async () => {
    const { feed, news, revoked, store } = await aWorker();
    const announced: number[] = [];
    feed.subscribe(() => announced.push(news.newest));
    store.commitHere(revoked, revoked);
    expect(announced).toEqual([2, 2]);
    expect(feed.fresh()).toBe(true);
  });

  test('does not believe its memory while it misses what another one committed before', async () => {
    const { feed, news, revoked, store } = await aWorker();
    store.commitElsewhere(revoked);
    store.commitHere(revoked);
    expect(feed.fresh()).toBe(false);
    news.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(feed.fresh()).toBe(true);
  });
});
