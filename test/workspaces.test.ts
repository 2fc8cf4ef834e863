/** Workspaces: suspended, resumed and deleted as a whole; the default one stays. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, problemOf } from './support/call.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('workspaces', () => {
  let server: Server;
  let root: Caller;
  beforeAll(async () => {
    server = await startServer();
    root = caller(server, server.rootToken);
  });
  afterAll(endServers);

  it('start with the default one, which cannot be ended', async () => {
    const { items } = await root.do('workspaces.list');
    const standing = items.find(({ name }) => name === 'default');
    const id = standing?.id ?? '';
    const conflict = {
      status: 409,
      code: 'conflict',
      detail: 'the default workspace cannot be suspended or deleted: the root token lives in it',
    };
    expect(problemOf(await root.ask('workspaces.update', { id, body: { enabled: false } }))).toMatchObject(conflict);
    expect(problemOf(await root.ask('workspaces.delete', { id }))).toMatchObject(conflict);
    expect((await root.do('workspaces.get', { id })).enabled).toBe(true);
  });

  it('come with the management api and a default api that takes any scope', async () => {
    const { admin } = await newWorkspace(server);
    const { items } = await admin.do('apis.list');
    expect(items.map(({ audience, prefix, builtIn }) => [audience, prefix, builtIn]).sort()).toEqual([
      ['default', 'tsr', true],
      ['tessera', 'tsm', true],
    ]);
    expect(items.find(({ audience }) => audience === 'default')?.scopes).toBe('any');
    for (const { id } of items) {
      const refused = problemOf(await admin.ask('apis.delete', { id }));
      expect(refused).toMatchObject({ status: 409, detail: 'a built-in api cannot be deleted' });
    }
  });

  it('are silent while they are suspended, and as before when they are resumed', async () => {
    const { id, admin, root: inside } = await newWorkspace(server);
    const { token } = await admin.mint();
    expect((await admin.verify(token)).code).toBe('ok');
    await root.do('workspaces.update', { id, body: { enabled: false } });
    expect((await inside.verify(token)).code).toBe('suspended');
    const refused = await admin.ask('tokens.list');
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(problemOf(refused)).toMatchObject({ status: 401, code: 'suspended' });
    await root.do('workspaces.update', { id, body: { enabled: true } });
    expect((await admin.verify(token)).code).toBe('ok');
  });

  it('end for good with everything in them, and without a trace in other ones', async () => {
    const { id, admin, root: inside } = await newWorkspace(server);
    const other = await newWorkspace(server);
    const { token } = await admin.mint();
    const spared = await other.admin.mint();
    expect((await root.ask('workspaces.delete', { id })).status).toBe(204);
    expect(problemOf(await admin.ask('tokens.list'))).toMatchObject({ status: 401, code: 'revoked' });
    expect(problemOf(await inside.ask('tokens.list'))).toMatchObject({ status: 404, detail: 'no such workspace' });
    expect(problemOf(await root.ask('workspaces.get', { id }))).toMatchObject({ status: 404 });
    expect((await root.do('workspaces.list', { query: { limit: 100 } })).items.map((item) => item.id)).not.toContain(
      id,
    );
    expect((await other.admin.verify(token)).code).toBe('unknown');
    expect((await other.admin.verify(spared.token)).code).toBe('ok');
  });

  it('are seen by the root token alone, but for one’s own', async () => {
    const mine = await newWorkspace(server, 'mine');
    expect(await mine.admin.do('workspaces.list')).toMatchObject({ items: [{ id: mine.id }], nextCursor: null });
    const renamed = await mine.admin.do('workspaces.update', { id: mine.id, body: { name: 'ours' } });
    expect(renamed).toMatchObject({ id: mine.id, name: 'ours', enabled: true });
    expect((await root.do('workspaces.list')).items.length).toBeGreaterThan(1);
  });

  it('keep their apis apart: the same audience and prefix in two of them', async () => {
    const body = { name: 'a', audience: 'https://same.test', prefix: 'same' };
    const [one, two] = [await newWorkspace(server), await newWorkspace(server)];
    await one.admin.do('apis.create', { body });
    await two.admin.do('apis.create', { body });
    expect(problemOf(await one.admin.ask('apis.create', { body }))).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: 'an api with this audience exists already',
    });
    const { token } = await one.admin.mint({ api: 'https://same.test' });
    expect((await one.admin.verify(token, { audience: 'https://same.test' })).code).toBe('ok');
    expect((await two.admin.verify(token, { audience: 'https://same.test' })).code).toBe('unknown');
  });

  it('take a scope from every token when its api stops defining it', async () => {
    const { admin } = await newWorkspace(server);
    const body = { name: 'a', audience: 'https://a.test', prefix: 'aa', scopes: { read: 'r', write: 'w' } };
    const { id } = await admin.do('apis.create', { body });
    const { token } = await admin.mint({ api: id, scopes: ['read', 'write'] });
    expect((await admin.verify(token, { scopes: ['write'] })).code).toBe('ok');
    await admin.do('apis.update', { id, body: { scopes: { read: 'r' } } });
    expect(await admin.verify(token, { scopes: ['write'] })).toMatchObject({
      code: 'insufficient_scope',
      scopes: ['read'],
    });
    expect(problemOf(await admin.ask('apis.delete', { id }))).toMatchObject({
      status: 409,
      detail: 'the api has tokens',
    });
  });
});
