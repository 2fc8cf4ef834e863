/** A child token does what its parent does or less, for no longer, and dies with it: at every door, at once. */
import type { BodyInput } from '@tessera/contract';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, problemOf, together } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

type Wish = Partial<BodyInput<'tokens.create'>>;

const AUDIENCE = 'https://orders.example.test';
const KEY_A = 'a'.repeat(43);
const KEY_B = 'b'.repeat(43);

let server: Server;
let admin: Caller;

beforeAll(async () => {
  server = await startServer();
  ({ admin } = await newWorkspace(server));
  await admin.do('apis.create', { body: { audience: AUDIENCE, prefix: 'ord', scopes: { read: 'r', write: 'w' } } });
}, STARTS_MS);
afterAll(endServers);

const aParent = (wish: Wish = {}) => admin.mint({ api: AUDIENCE, scopes: ['read', 'write'], name: 'parent', ...wish });
const aChild = (parent: string, wish: Wish = {}) => admin.mint({ parent, scopes: ['read'], name: 'child', ...wish });
const code = async (token: string, more: object = {}) => (await admin.verify(token, more)).code;
const refusal = async (wish: Wish) =>
  problemOf(await admin.ask('tokens.create', { body: { name: 'child', scopes: ['read'], ...wish } }));

describe('a child', () => {
  it.each(['opaque', 'jwt'] as const)('(%s) has of its parent what it does not choose', async (format) => {
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'Ann' } });
    const parent = await aParent({ owner: owner.id, env: 'test', client: 'app', session: 'ses', expiresIn: 300 });
    const child = await aChild(parent.id, { format });
    expect(child).toMatchObject({
      parent: parent.id,
      api: parent.api,
      owner: owner.id,
      env: 'test',
      client: 'app',
      session: 'ses',
      // A signed one says whole seconds.
      expiresAt: format === 'jwt' ? parent.expiresAt?.replace(/\.[0-9]{3}Z$/, '.000Z') : parent.expiresAt,
      kind: format === 'jwt' ? 'access_token' : 'api_key',
    });
    expect(await code(child.token, { audience: AUDIENCE, scopes: ['read'] })).toBe('ok');
    expect(await code(child.token, { scopes: ['write'] })).toBe('insufficient_scope');
    if (format === 'jwt') expect(decodeJwt(child.token)).toMatchObject({ tsr: { up: [parent.id] } });
    const { items } = await admin.do('tokens.list', { query: { parent: parent.id } });
    expect(items.map(({ id }) => id)).toEqual([child.id]);
  });

  it.each([
    ['a scope', { scopes: ['read', 'admin'] }, '/scopes/1', 'is not a scope of this api'],
    ['a later end', { expiresIn: 600 }, '/expiresIn', 'must not be after the end of the parent'],
    ['no end', { expiresIn: 'never' }, '/expiresIn', 'must not be after the end of the parent'],
    ['another api', { api: 'default' }, '/api', 'must be that of the parent'],
    ['another environment', { env: 'test' }, '/env', 'must be that of the parent'],
    ['another key', { boundKey: KEY_B }, '/boundKey', 'must be that of the parent'],
  ] as const)('is not given %s that its parent does not have', async (_, wish, pointer, detail) => {
    const parent = await aParent({ expiresIn: 300, boundKey: KEY_A });
    expect(await refusal({ parent: parent.id, ...(wish as Wish) })).toMatchObject({
      status: 422,
      errors: [{ pointer, detail }],
    });
  });

  it('is not given a scope that its parent was not given', async () => {
    const parent = await aParent({ scopes: ['read'] });
    expect(await refusal({ parent: parent.id, scopes: ['read', 'write'] })).toMatchObject({
      status: 422,
      errors: [{ pointer: '/scopes/1', detail: 'the parent does not hold this scope', code: 'beyond_parent' }],
    });
    const child = await aChild(parent.id);
    const wider = await admin.ask('tokens.update', { id: child.id, body: { scopes: ['write'] } });
    expect(problemOf(wider)).toMatchObject({ status: 422, errors: [{ pointer: '/scopes/0' }] });
  });

  it('has no parent that is unknown, of another workspace, ended, or the root token', async () => {
    const elsewhere = await newWorkspace(server);
    const foreign = await elsewhere.admin.mint({});
    for (const parent of ['tok_01k3zq4v8e7m0a9c5d6f7g8h9j', foreign.id])
      expect(await refusal({ parent })).toMatchObject({
        status: 422,
        errors: [{ pointer: '/parent', detail: 'no such token' }],
      });
    const revoked = await aParent();
    await admin.do('tokens.revoke', { id: revoked.id });
    expect(await refusal({ parent: revoked.id })).toMatchObject({ status: 409, detail: 'the parent is revoked' });
    const disabled = await aParent();
    await admin.do('tokens.update', { id: disabled.id, body: { enabled: false } });
    expect(await refusal({ parent: disabled.id })).toMatchObject({ status: 409, detail: 'the parent is disabled' });
    const root = caller(server, server.rootToken);
    const { items } = await root.do('tokens.list', { query: { api: 'tessera' } });
    const id = items.find(({ scopes }) => scopes.includes('root'))?.id ?? '';
    const body = { name: 'child', api: 'tessera', scopes: ['verify'], parent: id };
    expect(problemOf(await root.ask('tokens.create', { body }))).toMatchObject({
      status: 403,
      detail: 'the root token has no children',
    });
  });

  it('of a management token does what that may, and never more than who makes it', async () => {
    const { scoped } = await newWorkspace(server);
    const writer = await scoped('tokens:write', 'tokens:read');
    const strong = await scoped('admin');
    const { items } = await strong.do('tokens.list', { query: { api: 'tessera' } });
    const body = {
      name: 'child',
      scopes: ['tokens:read'],
      parent: items.find(({ name }) => name === 'admin')?.id ?? '',
    };
    expect(problemOf(await writer.ask('tokens.create', { body })).status).toBe(403);
    const child = await strong.do('tokens.create', { body });
    const acting = caller(server, child.token);
    expect((await acting.ask('tokens.list')).status).toBe(200);
    expect((await acting.ask('owners.list')).status).toBe(403);
  });
});

describe('a line of tokens', () => {
  async function aLine() {
    const first = await aParent();
    const second = await aChild(first.id, { scopes: ['read', 'write'] });
    const third = await aChild(second.id, { scopes: ['read', 'write'], format: 'jwt' });
    return { first, second, third };
  }

  it('dies from above, whoever of it is asked for, and in all lists', async () => {
    const { first, second, third } = await aLine();
    expect([await code(second.token), await code(third.token)]).toEqual(['ok', 'ok']);
    await admin.do('tokens.revoke', { id: first.id, body: { reason: 'leaked' } });
    expect([await code(first.token), await code(second.token), await code(third.token)]).toEqual(
      Array<string>(3).fill('revoked'),
    );
    for (const id of [second.id, third.id])
      expect(await admin.do('tokens.get', { id })).toMatchObject({
        status: 'revoked',
        revokedReason: `descends from ${first.id}, which was revoked`,
      });
    const { items } = await admin.do('audit.list', { query: { target: first.id, action: 'token.revoke' } });
    expect(items[0]?.details).toEqual({ reason: 'leaked', descendants: 2 });
  });

  it('lives on above what is revoked', async () => {
    const { first, second, third } = await aLine();
    await admin.do('tokens.revoke', { id: second.id });
    expect([await code(first.token), await code(second.token), await code(third.token)]).toEqual([
      'ok',
      'revoked',
      'revoked',
    ]);
  });

  it('rests, narrows and ends with what stands above', async () => {
    const { first, second, third } = await aLine();
    await admin.do('tokens.update', { id: first.id, body: { enabled: false } });
    expect([await code(second.token), await code(third.token)]).toEqual(['disabled', 'disabled']);
    await admin.do('tokens.update', { id: first.id, body: { enabled: true, scopes: ['read'] } });
    expect(await code(third.token, { scopes: ['read'] })).toBe('ok');
    expect(await code(third.token, { scopes: ['write'] })).toBe('insufficient_scope');
    expect((await admin.verify(third.token)).scopes).toEqual(['read']);
    await admin.do('tokens.update', { id: first.id, body: { ip: { allow: ['192.0.2.0/24'] } } });
    expect(await code(third.token, { request: { ip: '198.51.100.1' } })).toBe('ip_denied');
    expect(await code(third.token, { request: { ip: '192.0.2.1' } })).toBe('ok');
    const end = new Date(Date.now() + 60_000).toISOString();
    await admin.do('tokens.update', { id: first.id, body: { expiresAt: end } });
    expect((await admin.verify(third.token, { request: { ip: '192.0.2.1' } })).expiresAt).toBe(end);
  });

  it('is disabled, renamed and narrowed also where what stands above does less by now, and never widened', async () => {
    const first = await aParent();
    const child = await aChild(first.id, { scopes: ['read', 'write'] });
    const soon = new Date(Date.now() + 60_000).toISOString();
    await admin.do('tokens.update', { id: first.id, body: { scopes: ['read'], expiresAt: soon } });
    const changed = { enabled: false, name: 'old' };
    expect(await admin.do('tokens.update', { id: child.id, body: changed })).toMatchObject(changed);
    expect(await code(child.token)).toBe('disabled');
    expect(await admin.do('tokens.update', { id: child.id, body: { scopes: ['read'] } })).toMatchObject({
      scopes: ['read'],
    });
    const wider = await admin.ask('tokens.update', { id: child.id, body: { scopes: ['read', 'write'] } });
    expect(problemOf(wider)).toMatchObject({ status: 422, errors: [{ pointer: '/scopes/1', code: 'beyond_parent' }] });
    const later = await admin.ask('tokens.update', {
      id: child.id,
      body: { expiresAt: new Date(Date.now() + 120_000).toISOString() },
    });
    expect(problemOf(later)).toMatchObject({ status: 422, errors: [{ pointer: '/expiresAt', code: 'beyond_parent' }] });
  });

  it('spends the budgets of all of it, whole or not at all', async () => {
    const first = await aParent({ credits: { remaining: 5 }, limits: [{ limit: 100, window: 60 }] });
    const children = await together(4, () => aChild(first.id, { credits: { remaining: 3 } }));
    const codes = await together(20, (index) => code(children[index % 4]?.token ?? ''));
    expect(codes.filter((found) => found === 'ok')).toHaveLength(5);
    expect((await admin.do('tokens.get', { id: first.id })).credits?.remaining).toBe(0);
    const left = await Promise.all(children.map(({ id }) => admin.do('tokens.get', { id })));
    expect(left.reduce((sum, { credits }) => sum + (credits?.remaining ?? 0), 0)).toBe(7);
    const { limits } = await admin.verify(children[0]?.token ?? '');
    expect(limits?.map(({ name }) => name)).toContain('parent-100-per-60s');
  });

  it('is four generations long below the first at most', async () => {
    let last = await aParent();
    for (let generation = 1; generation <= 4; generation += 1) last = await aChild(last.id);
    expect(await refusal({ parent: last.id })).toMatchObject({
      status: 409,
      detail: 'tokens descend from each other over 4 generations at most',
    });
    expect(await code(last.token)).toBe('ok');
  });

  it('lets no child through that is made while its parent is revoked', async () => {
    for (let round = 0; round < 5; round += 1) {
      const parent = await aParent();
      const body = { name: 'child', scopes: ['read'], parent: parent.id };
      const [, ...made] = await Promise.all([
        admin.do('tokens.revoke', { id: parent.id }),
        ...Array.from({ length: 10 }, () => admin.ask('tokens.create', { body })),
      ]);
      for (const { status, body: answer } of made)
        if (status === 201) expect(await code(String(answer.token))).toBe('revoked');
        else expect(answer).toMatchObject({ status: 409, detail: 'the parent is revoked' });
    }
  });
});
