/** Who follows the feed knows at any time how far it has it and as of when; nobody is told more than this node knows. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { mint } from '../../src/core/tokens/mint.ts';
import { minter } from '../core/support/platform.ts';
import { aApi, type TestApi } from './support/api.ts';
import { follow } from './support/follow.ts';

function minting(api: TestApi): Promise<{ readonly token: { readonly id: string } }> {
  return api.as(api.root, (tx, by) => mint(tx, by, { name: 'k', scopes: [] }, minter));
}

test('a beat comes at the start and at least every second, and vouches for the moment of a poll, never a later one', async () => {
  const api = await aApi();
  const stream = await follow(api);
  const beats = [await stream.next('alive'), await stream.next('alive'), await stream.next('alive')];
  for (const { data } of beats) {
    expect(data.seq).toBe(await api.store.latestChange());
    expect(data.asOf).toBeLessThanOrEqual(data.clock);
    // The feed of the test polls every 20 ms.
    expect(data.clock - data.asOf).toBeLessThan(1000);
  }
  const clocks = beats.map(({ data }) => data.clock);
  for (const [index, clock] of clocks.slice(1).entries()) expect(clock - (clocks[index] ?? 0)).toBeLessThan(2000);
});

test('all that was committed before the moment of a beat was sent before it', async () => {
  const api = await aApi();
  const stream = await follow(api, { since: 0 });
  let sent = 0;
  const writing = (async () => {
    for (let round = 0; round < 40; round += 1) await minting(api).then(() => delay(25));
  })();
  const committed: { readonly seq: number; readonly at: number }[] = [];
  api.store.onCommit((changes) => {
    for (const { seq } of changes) committed.push({ seq, at: performance.now() });
  });
  for (let beats = 0; beats < 2; ) {
    const { kind, data } = await stream.next();
    if (kind !== 'alive') {
      sent = data.seq;
      continue;
    }
    beats += 1;
    // Of one process, so that the clock of the beats is the clock of the test.
    const before = committed.filter(({ at }) => at < data.asOf).map(({ seq }) => seq);
    expect(Math.max(0, ...before)).toBeLessThanOrEqual(sent);
    expect(data.seq).toBeGreaterThanOrEqual(sent);
  }
  await writing;
});

test('a node that hears nothing of the store goes on beating, and vouches for nothing new', async () => {
  let isAway = false;
  const api = await aApi({
    store: (store) => ({
      ...store,
      changes: async (filter) => {
        if (isAway) throw new Error('the store is away');
        return store.changes(filter);
      },
    }),
  });
  const stream = await follow(api);
  await stream.next('alive');
  isAway = true;
  // The one that was under way may still have been answered.
  const first = await stream.next('alive');
  const later = [await stream.next('alive'), await stream.next('alive')];
  for (const { data } of later) expect(data.asOf).toBeLessThanOrEqual(first.data.clock);
  // Rounded down from two readings of one clock, of which the later one may be just under the next millisecond.
  expect(later[1]?.data.asOf).toBeLessThanOrEqual((later[0]?.data.asOf ?? 0) + 1);
});

test('the position moves on with the changes of other workspaces, which are not told', async () => {
  const api = await aApi();
  const stream = await follow(api);
  await stream.next('alive');
  const other = await api.call('POST', '/v1/workspaces', { body: { name: 'other' } });
  expect(other.status).toBe(201);
  await vi.waitFor(async () => expect((await stream.next()).data.seq).toBe(await api.store.latestChange()), 10_000);
});

test('a position that is none of this feed is told as missed, with the one to begin from', async () => {
  const api = await aApi();
  await minting(api);
  const stream = await follow(api, { since: 4711 });
  const latest = await api.store.latestChange();
  expect(await stream.next()).toMatchObject({ kind: 'missed', data: { seq: latest } });
  const { token } = await minting(api);
  expect(await stream.next('token.created')).toMatchObject({ data: { seq: latest + 1, id: token.id } });
});

test('one page is read for all who wait for the same', async () => {
  let pages = 0;
  let held: Promise<unknown> = Promise.resolve();
  const api = await aApi({
    store: (store) => ({
      ...store,
      changes: async (filter) => {
        if (filter.workspace === undefined) return store.changes(filter);
        pages += 1;
        await held;
        return store.changes(filter);
      },
    }),
  });
  const since = await api.store.latestChange();
  const streams = await Promise.all(Array.from({ length: 20 }, () => follow(api, { since })));
  for (const { next } of streams) await next('alive');
  pages = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  const { token } = await minting(api);
  // All were told with the commit, and each asks within 10 ms of that: by timers that come before this one, however busy the machine.
  setTimeout(resolve, 100);
  for (const { next } of streams) expect((await next('token.created')).data.id).toBe(token.id);
  expect(pages).toBe(1);
});

test('a page that was read before a change is nothing for who begins to follow after it', async () => {
  let held: Promise<unknown> = Promise.resolve();
  const api = await aApi({
    store: (store) => ({
      ...store,
      changes: async (filter) => {
        const page = await store.changes(filter);
        // What was found stays on its way, as behind a slow connection to the database.
        if (filter.workspace !== undefined) await held;
        return page;
      },
    }),
  });
  const since = await api.store.latestChange();
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  await follow(api, { since });
  const { token } = await minting(api);
  const late = await follow(api, { since });
  setTimeout(resolve, 100);
  expect(await late.next()).toMatchObject({ kind: 'token.created', data: { seq: since + 1, id: token.id } });
  expect(await late.next('alive')).toMatchObject({ data: { seq: since + 1 } });
});

test('a token that may ask for verdicts may follow what they are made from', async () => {
  const api = await aApi();
  const { minted } = await api.manager(['verify']);
  const stream = await follow(api, { token: minted.text });
  expect(stream.response.statusCode).toBe(200);
  const { token } = await minting(api);
  expect((await stream.next('token.created')).data.id).toBe(token.id);
});

test('a token has so many streams and no more, and a closed one makes room', async () => {
  const api = await aApi({ mostStreams: { ofToken: 2 } });
  const { minted } = await api.manager(['changes:read']);
  const [first] = [await follow(api, { token: minted.text }), await follow(api, { token: minted.text })];
  const asked = { token: minted.text, headers: { Accept: 'text/event-stream' } };
  const third = await api.call('GET', '/v1/changes', asked);
  expect({ status: third.status, ...third.json }).toMatchObject({
    status: 429,
    code: 'too_many',
    detail: 'the token follows the change feed 2 times already',
  });
  expect(third.headers['retry-after']).toBe('5');
  // Others are not held back by it.
  await (await follow(api)).next('alive');
  first?.response.destroy();
  await vi.waitFor(async () => {
    const stream = await follow(api, { token: minted.text });
    expect(stream.response.statusCode).toBe(200);
  }, 10_000);
});

test('nor has a workspace more than its own, however many tokens it mints, nor a node', async () => {
  const api = await aApi({ mostStreams: { ofWorkspace: 2, ofNode: 3 } });
  const refusedOf = async (token: string) => {
    const { status, json } = await api.call('GET', '/v1/changes', { token, headers: { Accept: 'text/event-stream' } });
    return { status, code: json.code, detail: json.detail };
  };
  for (let streams = 0; streams < 2; streams += 1)
    await follow(api, { token: (await api.manager(['changes:read'])).minted.text });
  const { minted } = await api.manager(['changes:read']);
  expect(await refusedOf(minted.text)).toEqual({
    status: 429,
    code: 'too_many',
    detail: 'the tokens of this workspace follow the change feed 2 times already',
  });
  // Another workspace is not held back by it, and the node is full after that.
  const other = await api.call('POST', '/v1/workspaces', { body: { name: 'other' } });
  const within = { headers: { 'Tessera-Workspace': other.json.id, Accept: 'text/event-stream' } };
  const stream = await follow(api, { headers: within.headers });
  expect(stream.response.statusCode).toBe(200);
  const third = await api.call('POST', '/v1/workspaces', { body: { name: 'third' } });
  const full = await api.call('GET', '/v1/changes', {
    headers: { 'Tessera-Workspace': third.json.id, Accept: 'text/event-stream' },
  });
  expect({ status: full.status, detail: full.json.detail }).toEqual({
    status: 429,
    detail: 'on this node, others follow the change feed 3 times already',
  });
});

test('a follower that left while it was judged takes no place', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  let isSlow = false;
  const api = await aApi({
    mostStreams: { ofToken: 1 },
    store: (store) => ({
      ...store,
      async find(digest) {
        if (isSlow) {
          ask();
          await answered;
        }
        return store.find(digest);
      },
    }),
  });
  const { minted } = await api.manager(['changes:read']);
  isSlow = true;
  const socket = connect(api.listener.port, '127.0.0.1');
  const head = `Authorization: Bearer ${minted.text}\r\nAccept: text/event-stream\r\n\r\n`;
  socket.write(`GET /v1/changes HTTP/1.1\r\nHost: a.test\r\n${head}`);
  await asked;
  socket.destroy();
  await vi.waitFor(() => expect(api.closed()).toBe(1), 10_000);
  isSlow = false;
  answer();
  const stream = await follow(api, { token: minted.text });
  expect(stream.response.statusCode).toBe(200);
});

test('beats do not heap up for a reader that takes nothing', async () => {
  const written: string[] = [];
  let isRead = true;
  const api = await aApi({
    onResponse(response) {
      Object.defineProperty(response, 'writableNeedDrain', { get: () => !isRead });
      const { write } = response;
      response.write = ((text: string) => {
        written.push(text);
        return write.call(response, text, 'utf8');
      }) as typeof response.write;
    },
  });
  const stream = await follow(api);
  await stream.next('alive');
  isRead = false;
  await stream.next('alive');
  const before = written.length;
  await delay(2500);
  expect(written.slice(before)).toEqual([]);
});
