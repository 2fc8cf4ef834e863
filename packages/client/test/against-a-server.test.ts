/** The client and the real server agree: lists, refusals, keys, deadlines, and a feed that survives the server's restart. */
import { generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../test/support/free-port.ts';
import { endServers, type Server, STARTS_MS, startServer } from '../../../test/support/server.ts';
import { type Change, type Client, createClient } from '../src/index.ts';

let server: Server;
let root: Client;
beforeAll(async () => {
  server = await startServer();
  root = createClient({ baseUrl: server.url, token: server.rootToken });
});
afterAll(endServers);

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe('a list', () => {
  it('of 25 in pages of 7 is all of them once, though more come while it is walked', async () => {
    const { items: minted } = await root.tokens.createBatch(
      Array.from({ length: 25 }, (_, at) => ({ name: `walked ${at}`, scopes: [] })),
    );
    const ids: string[] = [];
    for await (const { id } of root.tokens.listAll({ q: 'walked', limit: 7 })) {
      ids.push(id);
      if (ids.length === 7) await root.tokens.create({ name: 'walked later', scopes: [] });
    }
    expect(ids.toSorted()).toEqual(minted.map(({ id }) => id).toSorted());
  });

  it('of audit records goes from the first to the newest in pages of 5', async () => {
    const records = await collect(root.audit.listAll({ limit: 5 }));
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, at) => at + 1));
    expect(records.length).toBe((await root.audit.checkpoint()).seq);
  });
});

describe('a refusal', () => {
  it.each<[string, (one: Client) => Promise<unknown>, object]>([
    ['of an unknown id', (one) => one.tokens.get('tok_0'), { code: 'not_found', status: 404 }],
    ['of bad input', (one) => one.tokens.create({ name: '', scopes: [] }), { code: 'invalid_input', status: 422 }],
    ['of a cursor that is none', (one) => one.apis.list({ cursor: 'x' }), { code: 'invalid_input', status: 422 }],
  ])('%s has a code of the list', async (_name, run, expected) => {
    await expect(run(root)).rejects.toMatchObject({ kind: 'problem', rawCode: undefined, ...expected });
  });

  it('of the token itself says which', async () => {
    const { token, id } = await root.tokens.create({ name: 'mine', api: 'tessera', scopes: ['tokens:read'] });
    const mine = createClient({ baseUrl: server.url, token });
    await expect(mine.owners.list()).rejects.toMatchObject({ code: 'insufficient_scope', status: 403 });
    await root.tokens.revoke(id);
    await expect(mine.tokens.list()).rejects.toMatchObject({ code: 'revoked', status: 401 });
    const stranger = createClient({ baseUrl: server.url, token: generate({ prefix: 'tsm', environment: 'live' }) });
    await expect(stranger.tokens.list()).rejects.toMatchObject({ code: 'unknown', status: 401 });
  });

  it('of a change to an older version is precondition_failed, and nothing was done', async () => {
    const { data, etag } = await root.send('tokens.create', { body: { name: 'first', scopes: [] } });
    await root.tokens.update(data.id, { name: 'second' }, { ifMatch: etag });
    const late = root.tokens.update(data.id, { name: 'third' }, { ifMatch: etag });
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed', status: 412 });
    expect((await root.tokens.get(data.id)).name).toBe('second');
  });
});

describe('a mint whose answer is lost', () => {
  it('is made once, and the repeat gets its secret', async () => {
    // The first answer is read whole and thrown away: the server has done its work.
    let lost = 0;
    const loses: typeof fetch = async (...asked) => {
      const response = await fetch(...asked);
      if (lost > 0) return response;
      lost += 1;
      await response.text();
      throw new TypeError('fetch failed');
    };
    const unlucky = createClient({ baseUrl: server.url, token: server.rootToken, fetch: loses });
    const { id, token } = await unlucky.tokens.create({ name: 'lost and found', scopes: [] });
    expect(lost).toBe(1);
    expect((await collect(root.tokens.listAll({ q: 'lost and found' }))).map((found) => found.id)).toEqual([id]);
    expect(await root.verify({ token })).toMatchObject({ valid: true, id });
  });
});

describe('the feed', () => {
  it('tells of each change once, through kill -9 and a restart of the server', { timeout: STARTS_MS }, async () => {
    const port = String(await freePort());
    const first = await startServer({ env: { TESSERA_PORT: port } });
    const { rootToken, data } = first;
    const admin = createClient({ baseUrl: first.url, token: rootToken });
    const told: Change[] = [];
    const heard = new Map<string, PromiseWithResolvers<void>>();
    const ended = new AbortController();
    const { latest } = await admin.changes.list({ limit: 1 });
    const following = (async () => {
      for await (const change of admin.followChanges({ since: latest, signal: ended.signal })) {
        told.push(change);
        heard.get(change.id)?.resolve();
      }
    })();
    const minted = async (): Promise<void> => {
      const { id } = await admin.tokens.create({ name: 'followed', scopes: [] });
      const { promise, ...rest } = Promise.withResolvers<void>();
      heard.set(id, { promise, ...rest });
      if (!told.some((change) => change.id === id)) await promise;
    };
    await minted();
    await first.kill();
    await startServer({ data, rootToken, env: { TESSERA_PORT: port } });
    await minted();
    await minted();
    ended.abort(new Error('enough'));
    await expect(following).rejects.toThrow('enough');
    const { items } = await admin.changes.list({ since: latest });
    expect(told).toEqual(items);
    expect(told.filter(({ kind }) => kind === 'token.created')).toHaveLength(3);
  });

  it('ends when its token is revoked, and says so', async () => {
    const { token, id } = await root.tokens.create({ name: 'ear', api: 'tessera', scopes: ['changes:read'] });
    const ear = createClient({ baseUrl: server.url, token });
    const changes = ear.followChanges();
    const next = changes.next();
    await root.tokens.create({ name: 'noise', scopes: [] });
    // Heard or not, the token lives until here.
    await root.tokens.revoke(id);
    const rest = (async () => {
      await next;
      for await (const _ of changes);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'revoked', status: 401 });
  });
});
