/** Revocation (RFC 7009): who holds a token may end it, who manages the workspace may, and nobody learns anything by trying. */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, newWorkspace, together, type Workspace } from './support/call.ts';
import { basic, bearer, type Fields, post, type Told } from './support/oauth.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

let server: Server;
let workspace: Workspace;
beforeAll(async () => {
  server = await startServer();
  workspace = await newWorkspace(server);
}, STARTS_MS);
afterAll(endServers);

const revoke = (token: string, headers: Fields = {}, more: Fields = {}): Promise<Told> =>
  post(server, '/oauth/revoke', { token, ...more }, headers);
const codeOf = async (token: string): Promise<string> => (await workspace.admin.verify(token)).code;
const expectDone = ({ status, text, headers }: Told): void => {
  expect([status, text]).toEqual([200, '']);
  expect(headers.get('cache-control')).toBe('no-store');
};

describe('who holds a token ends it', () => {
  it('at once, for good, with a record of who did', async () => {
    const { id, token } = await workspace.admin.mint();
    expect(await codeOf(token)).toBe('ok');
    expectDone(await revoke(token));
    expect(await codeOf(token)).toBe('revoked');
    expect(await workspace.admin.do('tokens.get', { id })).toMatchObject({
      status: 'revoked',
      revokedReason: 'revoked by who presented it',
    });
    const { items } = await workspace.admin.do('audit.list', { query: { target: id } });
    expect(items.at(-1)).toMatchObject({
      action: 'token.revoke',
      actor: { token: id, owner: null, kind: 'token' },
      outcome: 'ok',
      address: '127.0.0.1',
    });
  });

  it('again, and nothing more is recorded', async () => {
    const { id, token } = await workspace.admin.mint();
    for (const told of await together(20, () => revoke(token))) expectDone(told);
    expectDone(await revoke(token));
    const { items } = await workspace.admin.do('audit.list', { query: { target: id } });
    expect(items.filter(({ action }) => action === 'token.revoke')).toHaveLength(1);
  });

  it('whatever kind it is of, and whatever hint comes with it', async () => {
    const { admin } = workspace;
    const role = await admin.do('roles.create', { body: { name: 'reader', scopes: ['a'] } });
    const user = await admin.do('owners.create', { body: { type: 'user', name: 'Grace', roles: [role.id] } });
    const personal = await admin.mint({ kind: 'personal_access_token', owner: user.id, scopes: ['a'] });
    const bound = await admin.mint({ boundKey: randomBytes(32).toString('base64url') });
    const far = await admin.mint({ ip: { allow: ['192.0.2.0/24'] }, limits: [{ limit: 1, window: 3600 }] });
    const text = `old_${randomBytes(20).toString('hex')}`;
    const digest = createHash('sha512').update(text).digest('base64');
    const items = [{ name: 'old', scopes: [], digest, algorithm: 'sha512' as const, prefix: 'old_' }];
    await admin.do('tokens.import', { body: { items } });
    const signed = await admin.mint({ format: 'jwt' });
    for (const token of [personal.token, bound.token, far.token, text, signed.token]) {
      expectDone(await revoke(token, {}, { token_type_hint: 'refresh_token' }));
      expect(await codeOf(token)).toBe('revoked');
    }
  });

  it('also where it is disabled, and could be enabled again', async () => {
    const { id, token } = await workspace.admin.mint();
    await workspace.admin.do('tokens.update', { id, body: { enabled: false } });
    expectDone(await revoke(token));
    expect(await codeOf(token)).toBe('revoked');
  });

  it('as its own client, too', async () => {
    const one = await workspace.admin.mint();
    expectDone(await revoke(one.token, basic(one.id, one.token)));
    const other = await workspace.admin.mint();
    expectDone(await revoke(other.token, bearer(other.token)));
    expect([await codeOf(one.token), await codeOf(other.token)]).toEqual(['revoked', 'revoked']);
  });

  it('with a secret that was replaced, ends that secret and not the one that replaced it', async () => {
    const old = await workspace.admin.mint();
    const { token } = await workspace.admin.do('tokens.rotate', { id: old.id });
    expect(await codeOf(old.token)).toBe('ok');
    expectDone(await revoke(old.token));
    expect([await codeOf(old.token), await codeOf(token)]).toEqual(['rotated', 'ok']);
    expectDone(await revoke(old.token));
    expect(await codeOf(token)).toBe('ok');
    const { items } = await workspace.admin.do('audit.list', { query: { target: old.id } });
    expect(items.map(({ action }) => action)).toEqual(['token.create', 'token.rotate', 'token.secret.revoke']);
  });
});

describe('who manages a workspace ends its tokens', () => {
  it('with tokens:write, and its own name in the record', async () => {
    const manager = await workspace.scoped('tokens:write');
    const { id, token } = await workspace.admin.mint();
    expectDone(await revoke(token, bearer(manager.token)));
    expect(await codeOf(token)).toBe('revoked');
    const { items } = await workspace.admin.do('audit.list', { query: { target: id, action: 'token.revoke' } });
    const { items: managers } = await workspace.admin.do('tokens.list', { query: { q: 'tokens:write' } });
    expect(managers.map((one) => one.id)).toContain(items[0]?.actor.token);
  });

  it('but not those of another, which it does not hear of', async () => {
    const stranger = await (await newWorkspace(server)).scoped('tokens:write');
    const { token } = await workspace.admin.mint();
    expectDone(await revoke(token, bearer(stranger.token)));
    expect(await codeOf(token)).toBe('ok');
  });

  it('and nobody else: a client ends no token of another one', async () => {
    const { admin } = workspace;
    const mine = await admin.mint();
    const other = await admin.mint();
    const reader = await workspace.scoped('tokens:read');
    const told = await Promise.all([
      revoke(other.token, basic(mine.id, mine.token)),
      revoke('unknown', basic(mine.id, mine.token)),
      revoke(other.token, bearer(reader.token)),
      revoke(other.token, bearer('tsr_live_nonsense')),
    ]);
    expect(told.map(({ status, body }) => [status, body.error])).toEqual([
      [400, 'unauthorized_client'],
      [400, 'unauthorized_client'],
      [403, 'insufficient_scope'],
      [401, 'invalid_token'],
    ]);
    expect(await codeOf(other.token)).toBe('ok');
  });

  it('and what somebody tried is recorded', async () => {
    const own = await newWorkspace(server);
    const [mine, other] = await together(2, () => own.admin.mint());
    await revoke(other?.token ?? '', basic(mine?.id ?? '', mine?.token ?? ''));
    const { items } = await own.admin.do('audit.list', { query: { action: 'tokens.revoke' } });
    expect(items).toMatchObject([
      { outcome: 'denied', actor: { token: mine?.id }, target: { type: 'token', id: other?.id }, address: '127.0.0.1' },
    ]);
  });

  it('nor a token that may do more than itself', async () => {
    const manager = await workspace.scoped('tokens:write');
    const admin = await workspace.scoped('admin');
    const { status, body } = await revoke(admin.token, bearer(manager.token));
    expect([status, body.error]).toEqual([403, 'access_denied']);
    expect(await codeOf(admin.token)).toBe('ok');
    const { items } = await workspace.admin.do('audit.list', { query: { action: 'tokens.revoke' } });
    expect(items.at(-1)).toMatchObject({ outcome: 'denied', target: { type: 'token' } });
  });
});

it('what is unknown, malformed or over is answered as if it had been revoked', async () => {
  const { token } = await workspace.admin.mint();
  const forged = `${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`;
  for (const text of [forged, 'garbage', 'eyJhbGciOiJub25lIn0.e30.', ' ', 'a'.repeat(20_000)])
    expectDone(await revoke(text));
  expect(await codeOf(token)).toBe('ok');
});

it('the root token is not ended here: its setting ends it', async () => {
  const { status, body } = await revoke(server.rootToken);
  expect([status, body.error]).toEqual([403, 'access_denied']);
  expect((await call(server, 'GET /v1/workspaces', { token: server.rootToken })).status).toBe(200);
});

it('a request that is not well formed revokes nothing', async () => {
  const { token } = await workspace.admin.mint();
  const twice = await post(server, '/oauth/revoke', `token=${token}&token=${token}`);
  const inAddress = await post(server, `/oauth/revoke?token=${token}`, '');
  const json = await post(server, '/oauth/revoke', JSON.stringify({ token }), { 'Content-Type': 'application/json' });
  const none = await post(server, '/oauth/revoke', '');
  for (const { status, body } of [twice, inAddress, json, none])
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  expect(await codeOf(token)).toBe('ok');
});

it(
  'a store that fails is not a success: 503, and when to try again',
  async () => {
    const own = await startServer();
    const admin = caller(own, own.rootToken);
    const { token } = await admin.mint();
    expect((await admin.verify(token)).code).toBe('ok');
    const database = new DatabaseSync(join(own.data, 'tessera.db'), { timeout: 10_000 });
    database.exec('alter table tokens rename to tokens_gone');
    const told = await post(own, '/oauth/revoke', { token });
    expect([told.status, told.body.error]).toEqual([503, 'temporarily_unavailable']);
    expect(told.headers.get('retry-after')).toBe('1');
    database.exec('alter table tokens_gone rename to tokens');
    database.close();
    expectDone(await post(own, '/oauth/revoke', { token }));
    expect((await admin.verify(token)).code).toBe('revoked');
  },
  STARTS_MS,
);

it(
  'what comes in clear from outside is refused unread',
  async () => {
    const own = await startServer({ env: { TESSERA_PUBLIC_HTTP: 'platform' } });
    const { status, text } = await post(own, '/oauth/revoke', { token: own.rootToken });
    expect([status, text]).toEqual([403, expect.stringContaining('insecure_transport')]);
  },
  STARTS_MS,
);

it(
  'looking for tokens by trial is held up for the address',
  async () => {
    const own = await startServer({ env: { TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '3' } });
    for (let tried = 0; tried < 3; tried += 1)
      expect((await post(own, '/oauth/revoke', { token: 'x' })).status).toBe(200);
    const { status, headers } = await post(own, '/oauth/revoke', { token: 'x' });
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  },
  STARTS_MS,
);
