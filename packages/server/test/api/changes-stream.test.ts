/** Who follows the feed hears everything once, for as long as it may, and leaves nothing behind when it goes. */
import { connect } from 'node:net';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { revokeToken } from '../../src/core/tokens/change.ts';
import { mint } from '../../src/core/tokens/mint.ts';
import { minter } from '../core/support/platform.ts';
import { aApi, type TestApi } from './support/api.ts';
import { follow } from './support/follow.ts';

async function minting(api: TestApi, count = 1): Promise<void> {
  await api.as(api.root, async (tx, by) => {
    for (let made = 0; made < count; made += 1) await mint(tx, by, { name: 'k', scopes: [] }, minter);
  });
}

test('what was and what comes, in order, once', async () => {
  const api = await aApi();
  await minting(api, 1200);
  const stream = await follow(api, { since: 0 });
  for (let seq = 1; seq <= 1202; seq += 1) expect((await stream.change())?.id).toBe(seq);
  await minting(api);
  expect(await stream.change()).toEqual({ id: 1203, kind: 'token.created' });
});

test('ends with the token that follows, at once', async () => {
  const api = await aApi();
  const { minted, actor } = await api.manager(['changes:read']);
  // No beat, which would ask, too, comes before it.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const stream = await follow(api, { token: minted.text, since: 999 });
  await api.as(api.root, (tx, by) => revokeToken(tx, by, actor.token, undefined));
  while ((await stream.change()) !== undefined);
  vi.useRealTimers();
  await vi.waitFor(() => expect(api.listeners()).toBe(1), 10_000);
});

test('judging the follower again spends none of its limits, records nothing, and takes no second proof', async () => {
  const api = await aApi();
  const { minted } = await api.manager(['changes:read'], { limits: [{ limit: 1, window: 86_400 }] });
  const stream = await follow(api, { token: minted.text, since: 0 });
  const recorded = api.recorded.length;
  // Its own workspace's changes make the stream ask whether its token still holds.
  for (let changes = 0; changes < 5; changes += 1)
    await api.as(api.root, async (tx) =>
      tx.changed({ workspace: api.workspace, kind: 'workspace.updated', id: api.workspace }),
    );
  for (let seen = 0; seen < 8; seen += 1) expect(await stream.change()).toBeDefined();
  expect(stream.response.closed).toBe(false);
  expect(api.recorded).toHaveLength(recorded);
});

test('a follower that left leaves nothing behind', async () => {
  const api = await aApi();
  const streams = await Promise.all(Array.from({ length: 10 }, () => follow(api, { since: 0 })));
  expect(api.listeners()).toBe(11);
  for (const { response } of streams) response.destroy();
  await vi.waitFor(() => expect(api.listeners()).toBe(1), 10_000);
});

test('a follower that left before the store told where to begin does not, either', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  let following = false;
  const api = await aApi({
    store: (store) => ({
      ...store,
      async latestChange() {
        if (following) {
          ask();
          await answered;
        }
        return store.latestChange();
      },
    }),
  });
  following = true;
  const socket = connect(api.listener.port, '127.0.0.1');
  const head = `Authorization: Bearer ${api.rootText}\r\nAccept: text/event-stream\r\n\r\n`;
  socket.write(`GET /v1/changes HTTP/1.1\r\nHost: a.test\r\n${head}`);
  await asked;
  socket.destroy();
  await vi.waitFor(() => expect(api.closed()).toBe(1), 10_000);
  answer();
  await answered;
  for (let turns = 0; turns < 20; turns += 1) await turnOfTheLoop();
  expect({ listeners: api.listeners(), errors: api.errors }).toEqual({ listeners: 1, errors: [] });
});

test('a slow reader is waited for: without end nothing is read ahead of it', async () => {
  let pages = 0;
  const api = await aApi({
    store: (store) => ({
      ...store,
      changes: async (filter) => {
        if (filter.workspace === undefined) return store.changes(filter);
        pages += 1;
        // A history without an end, of records that are long enough to fill every buffer on the way.
        return Array.from({ length: filter.limit }, (_, index) => ({
          seq: filter.since + 1 + index,
          at: 0,
          workspace: filter.workspace ?? '',
          kind: `token.${'x'.repeat(2000)}` as const,
          id: 'tok_1',
        }));
      },
    }),
  });
  const stream = await follow(api, { since: 0 });
  expect(await stream.change()).toMatchObject({ id: 1 });
  const ahead = await settledValue(() => pages);
  for (let seq = 2; seq <= ahead * 500; seq += 1) expect((await stream.change())?.id).toBe(seq);
  await vi.waitFor(() => expect(pages).toBeGreaterThan(ahead), 10_000);
});

test('a node that drains is not kept open by who follows', async () => {
  const api = await aApi();
  const stream = await follow(api, { since: 999 });
  api.state.draining = true;
  const closed = api.listener.close(20_000);
  const start = performance.now();
  expect(await stream.change()).toBeUndefined();
  await closed;
  expect(performance.now() - start).toBeLessThan(6000);
});

/** The value once it stayed the same for many turns of the event loop. */
async function settledValue(value: () => number): Promise<number> {
  for (let before = value(), turns = 0; turns < 500; turns = before === value() ? turns + 1 : 0) {
    before = value();
    await turnOfTheLoop();
  }
  return value();
}
