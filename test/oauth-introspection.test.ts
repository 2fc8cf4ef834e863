/** Introspection (RFC 7662): a service hears what the tokens are that are meant for it, and of no others anything. */
import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, type Minted, newWorkspace, type Workspace } from './support/call.ts';
import { basic, bearer, post, type Told } from './support/oauth.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const AUDIENCE = 'https://orders.example.test';
const INACTIVE = '{"active":false}';

let server: Server;
let workspace: Workspace;
let api: string;
let asker: string;
beforeAll(async () => {
  server = await startServer();
  workspace = await newWorkspace(server);
  const scopes = { 'orders:read': 'See orders', 'tessera:introspect': 'Introspect tokens of this api' };
  ({ id: api } = await workspace.admin.do('apis.create', { body: { audience: AUDIENCE, scopes } }));
  asker = (await workspace.scoped('verify')).token;
}, STARTS_MS);
afterAll(endServers);

const introspect = (token: string, headers = bearer(asker)): Promise<Told> =>
  post(server, '/oauth/introspect', { token }, headers);
const forgedFrom = (token: string): string => `${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`;
const seconds = (time: string | null): number => Math.floor(Date.parse(time ?? '') / 1000);

/** A token of the api that is asked for. */
function mintOrders(more: Parameters<Workspace['admin']['mint']>[0] = {}): Promise<Minted> {
  return workspace.admin.mint({ api, scopes: ['orders:read'], ...more });
}

/** A service of the api: a token of it that may ask about its tokens. */
const service = async (more: Parameters<typeof mintOrders>[0] = {}): Promise<Minted> =>
  mintOrders({ name: 'orders service', scopes: ['tessera:introspect'], ...more });

describe('what is told of a token that is active', () => {
  it('is who it is of, what it is for, what it may do and until when', async () => {
    const owner = await workspace.admin.do('owners.create', { body: { type: 'customer', name: 'Ada' } });
    const minted = await mintOrders({ name: 'laptop', owner: owner.id });
    const { status, headers, body } = await introspect(minted.token);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toBe('application/json');
    expect(body).toEqual({
      active: true,
      iss: `tessera/workspaces/${workspace.id}`,
      sub: owner.id,
      aud: AUDIENCE,
      client_id: minted.id,
      jti: minted.id,
      iat: seconds(minted.createdAt),
      exp: seconds(minted.expiresAt),
      scope: 'orders:read',
      token_type: 'Bearer',
      tsr: { api, env: 'live', kind: 'api_key', name: 'laptop', own: 'customer' },
    });
  });

  it('is of a token without an owner its own id, and of one without an end no end', async () => {
    const minted = await mintOrders({ expiresIn: 'never' });
    const { body } = await introspect(minted.token);
    expect(body).toMatchObject({ active: true, sub: minted.id });
    expect(Object.keys(body)).not.toContain('exp');
  });

  it('is the key of one that is bound to it', async () => {
    const boundKey = randomBytes(32).toString('base64url');
    const { token } = await mintOrders({ boundKey });
    expect((await introspect(token)).body).toMatchObject({ token_type: 'DPoP', cnf: { jkt: boundKey } });
  });

  it('is its start, and it is inactive before', async () => {
    const later = await mintOrders({ notBefore: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await introspect(later.token)).text).toBe(INACTIVE);
  });

  it('is the same of a personal access token and of an imported one', async () => {
    const { admin } = workspace;
    const role = await admin.do('roles.create', { body: { name: 'reader', scopes: ['orders:read'] } });
    const user = await admin.do('owners.create', { body: { type: 'user', name: 'Grace', roles: [role.id] } });
    const personal = await mintOrders({ kind: 'personal_access_token', owner: user.id });
    expect((await introspect(personal.token)).body).toMatchObject({
      active: true,
      sub: user.id,
      tsr: { kind: 'personal_access_token', own: 'user' },
    });
    const text = `old_${randomBytes(20).toString('hex')}`;
    const digest = createHash('sha256').update(text).digest('hex');
    const items = [{ name: 'old', api, scopes: ['orders:read'], digest, algorithm: 'sha256' as const, prefix: 'old_' }];
    const { items: imported } = await admin.do('tokens.import', { body: { items } });
    expect((await introspect(text)).body).toMatchObject({ active: true, jti: imported[0]?.id, scope: 'orders:read' });
    // What a user's roles no longer hold, the token no longer has.
    await admin.do('owners.update', { id: user.id, body: { roles: [] } });
    expect((await introspect(personal.token)).body).toMatchObject({ active: true, scope: '' });
  });

  it('is of a signed token what it says itself, as far as that still holds', async () => {
    const minted = await mintOrders({ format: 'jwt', client: 'checkout', session: 'one' });
    const { body } = await introspect(minted.token);
    const { tsr, ...registered } = decodeJwt<{ tsr: Record<string, unknown> }>(minted.token);
    // Where the change feed stood is for those who follow it.
    const { seq: _, ...told } = tsr;
    expect(body).toEqual({ ...registered, active: true, token_type: 'Bearer', tsr: told });
    expect(body).toMatchObject({ client_id: 'checkout', sid: 'one', jti: minted.id });
    const next = await workspace.admin.do('tokens.rotate', { id: minted.id });
    expect((await introspect(next.token)).body).toMatchObject({ active: true, jti: decodeJwt(next.token).jti });
    await workspace.admin.do('tokens.update', { id: minted.id, body: { scopes: [] } });
    expect((await introspect(next.token)).body).toMatchObject({ active: true, scope: '' });
    await workspace.admin.do('tokens.revoke', { id: minted.id });
    expect((await introspect(next.token)).text).toBe(INACTIVE);
  });

  it('is of an encrypted one what is known of it: it is not decrypted to be judged', async () => {
    const encrypted = { audience: 'https://sealed.example.test', scopes: 'any' as const };
    const sealed = await workspace.admin.do('apis.create', {
      body: { ...encrypted, jwt: { encryption: { alg: 'dir' } } },
    });
    const minted = await workspace.admin.mint({ api: sealed.id, format: 'jwt', scopes: ['a'] });
    expect(minted.token.split('.')).toHaveLength(5);
    expect((await introspect(minted.token)).body).toMatchObject({
      active: true,
      aud: encrypted.audience,
      jti: minted.id,
      scope: 'a',
    });
    await workspace.admin.do('tokens.revoke', { id: minted.id });
    expect((await introspect(minted.token)).text).toBe(INACTIVE);
  });

  it('does not depend on where it is asked from, and costs the token nothing', async () => {
    const minted = await mintOrders({
      limits: [{ limit: 2, window: 3600 }],
      quota: { limit: 2, period: 'month' },
      ip: { allow: ['192.0.2.0/24'] },
    });
    for (let asked = 0; asked < 5; asked += 1) expect((await introspect(minted.token)).body.active).toBe(true);
    const verdict = await workspace.admin.verify(minted.token, { mode: 'explain', request: { ip: '192.0.2.7' } });
    expect(verdict.limits).toMatchObject([{ remaining: 2 }, { remaining: 2 }]);
    const usage = await workspace.admin.do('tokens.usage', { id: minted.id });
    expect([usage.allowed, usage.denied]).toEqual([0, 0]);
    expect(await workspace.admin.do('tokens.get', { id: minted.id })).toMatchObject({ lastUsedAt: null });
  });
});

describe('whatever is not active here is told as inactive, byte for byte', () => {
  const ended: readonly (readonly [string, () => Promise<string>])[] = [
    ['garbage', async () => 'garbage'],
    ['a text of spaces and quotes', async () => ' "\'\u0001 '],
    ['a token that was never issued', async () => forgedFrom((await mintOrders()).token)],
    ['a long text', async () => 'a'.repeat(20_000)],
    ['a text that looks signed', async () => 'eyJhbGciOiJub25lIn0.e30.'],
    ['a token of another workspace', async () => (await (await newWorkspace(server)).admin.mint()).token],
    ['the root token, of another workspace', async () => server.rootToken],
    [
      'a revoked token',
      async () => {
        const { id, token } = await mintOrders();
        await workspace.admin.do('tokens.revoke', { id });
        return token;
      },
    ],
    [
      'a disabled token',
      async () => {
        const { id, token } = await mintOrders();
        await workspace.admin.do('tokens.update', { id, body: { enabled: false } });
        return token;
      },
    ],
    [
      'a token of a disabled owner',
      async () => {
        const owner = await workspace.admin.do('owners.create', { body: { type: 'service', name: 'ended' } });
        const { token } = await mintOrders({ owner: owner.id });
        await workspace.admin.do('owners.update', { id: owner.id, body: { enabled: false } });
        return token;
      },
    ],
    [
      'a secret that was replaced',
      async () => {
        const { id, token } = await mintOrders();
        await workspace.admin.do('tokens.rotate', { id, body: { graceSeconds: 0 } });
        return token;
      },
    ],
    [
      'an expired token',
      async () => {
        const { token, expiresAt } = await mintOrders({ expiresIn: 1 });
        await new Promise((over) => setTimeout(over, Date.parse(expiresAt ?? '') - Date.now() + 5));
        return token;
      },
    ],
  ];
  it.each(ended)('%s', async (_what, text) => {
    const { status, text: told, headers } = await introspect(await text());
    expect([status, told]).toEqual([200, INACTIVE]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('a token that was active when it was asked about before', async () => {
    const { id, token } = await mintOrders();
    expect((await introspect(token)).body.active).toBe(true);
    await workspace.admin.do('tokens.revoke', { id });
    expect((await introspect(token)).text).toBe(INACTIVE);
  });
});

describe('who may ask', () => {
  it('a token of the api with the scope for it, about tokens of its api and environment alone', async () => {
    const { token } = await service();
    const mine = await mintOrders();
    const test = await mintOrders({ env: 'test' });
    const other = await workspace.admin.mint({ scopes: ['orders:read'] });
    const manager = await workspace.scoped('tokens:read');
    const told = await Promise.all(
      [mine.token, test.token, other.token, manager.token].map((text) => introspect(text, bearer(token))),
    );
    expect(told.map(({ text }) => text === INACTIVE)).toEqual([false, true, true, true]);
    // A manager that may ask for verdicts serves the whole workspace.
    for (const text of [mine.token, test.token, other.token, manager.token])
      expect((await introspect(text)).body.active).toBe(true);
  });

  it('presents its token by itself, as the password of Basic, or in the body', async () => {
    const { id, token } = await service();
    const mine = await mintOrders();
    const told = await Promise.all([
      introspect(mine.token, bearer(token)),
      introspect(mine.token, { 'X-API-Key': token }),
      introspect(mine.token, basic(id, token)),
      post(server, '/oauth/introspect', { token: mine.token, client_id: id, client_secret: token }),
      post(server, '/oauth/introspect', { token: mine.token, client_id: id, token_type_hint: 'x' }, basic(id, token)),
    ]);
    expect(told.map(({ status, body }) => [status, body.active])).toEqual(told.map(() => [200, true]));
  });

  it('nobody without authentication', async () => {
    const { token } = await mintOrders();
    for (const form of [{ token }, { token, client_id: 'me' }]) {
      const { status, headers, body } = await post(server, '/oauth/introspect', form);
      expect([status, body]).toEqual([401, { error: 'invalid_client', error_description: expect.any(String) }]);
      expect(headers.get('www-authenticate')).toBe('Bearer, Basic realm="Tessera", charset="UTF-8"');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  it('nobody with a credential that is refused, and each hears it in the words of its way', async () => {
    const { id, token } = await service();
    const mine = await mintOrders();
    const forged = forgedFrom(token);
    const form = { token: mine.token };
    const told = await Promise.all([
      introspect(mine.token, bearer(forged)),
      introspect(mine.token, basic(id, forged)),
      introspect(mine.token, basic('tok_of_somebody_else', token)),
      introspect(mine.token, basic(id, ` ${token}`)),
      post(server, '/oauth/introspect', { ...form, client_id: id, client_secret: forged }),
    ]);
    expect(told.map(({ status, body }) => [status, body.error])).toEqual([
      [401, 'invalid_token'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
    ]);
    expect(told.map(({ headers }) => headers.get('www-authenticate')?.split(' ', 1)[0])).toEqual([
      'Bearer',
      'Basic',
      'Basic',
      'Basic',
      'Bearer,',
    ]);
    for (const { text } of told) expect(text).not.toContain(token.slice(12, 30));
  });

  it('nobody whose token lacks the scope', async () => {
    const mine = await mintOrders();
    const manager = await workspace.scoped('tokens:read', 'tokens:write');
    const asManager = await introspect(mine.token, bearer(manager.token));
    expect([asManager.status, asManager.body.error]).toEqual([403, 'insufficient_scope']);
    expect(asManager.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="verify"');
    const asItself = await introspect(mine.token, bearer(mine.token));
    expect(asItself.headers.get('www-authenticate')).toContain('scope="tessera:introspect"');
    const asClient = await introspect(mine.token, basic(mine.id, mine.token));
    expect([asClient.status, asClient.body.error]).toEqual([400, 'unauthorized_client']);
  });

  it('nobody whose token is revoked, from the next request on', async () => {
    const { id, token } = await service();
    const mine = await mintOrders();
    expect((await introspect(mine.token, bearer(token))).status).toBe(200);
    await workspace.admin.do('tokens.revoke', { id });
    expect((await introspect(mine.token, bearer(token))).status).toBe(401);
  });

  it('whoever asks is counted, and bound to the rules of its own token', async () => {
    const elsewhere = await service({ ip: { deny: ['127.0.0.0/8'] } });
    const mine = await mintOrders();
    const denied = await introspect(mine.token, bearer(elsewhere.token));
    expect([denied.status, denied.body.error]).toEqual([403, 'access_denied']);
    const limited = await service({ limits: [{ limit: 1, window: 3600 }] });
    await introspect(mine.token, bearer(limited.token));
    const refused = await introspect(mine.token, bearer(limited.token));
    expect([refused.status, refused.body.error]).toEqual([429, 'temporarily_unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('requests are read strictly', () => {
  const token = 'token=x';
  const wrong: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ['no token', 'token_type_hint=access_token', {}],
    ['an empty token', 'token=', {}],
    ['a token twice', 'token=a&token=b', {}],
    ['a token twice, the same', 'token=a&token=a', {}],
    ['a hint twice', 'token=a&token_type_hint=x&token_type_hint=y', {}],
    ['an unknown parameter twice', 'token=a&x=1&x=2', {}],
    ['an escape that is cut off', 'token=%4', {}],
    ['an escape that is no UTF-8', 'token=%ff', {}],
    ['an overlong escape', 'token=%c0%af', {}],
    ['NUL', 'token=a%00b', {}],
    ['bytes that are not escaped', 'token=ä', {}],
    ['a line break', 'token=a\r\nb', {}],
    ['a parameter without a name', 'token=a&=b', {}],
    ['a hundred and one parameters', `token=a${'&x'.repeat(101)}`, {}],
    ['JSON', '{"token":"a"}', { 'Content-Type': 'application/json' }],
    ['a form in another character set', token, { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-16' }],
    ['a form that is compressed', token, { 'Content-Encoding': 'gzip' }],
    ['no content type', token, { 'Content-Type': '' }],
    ['an assertion of a client twice', 'token=a&client_assertion=x&client_assertion=y', {}],
    ['a secret without an id', 'token=a&client_secret=x', { Authorization: '' }],
    ['two ways at once', 'token=a&client_id=a&client_secret=b', {}],
  ];
  it.each(wrong)('%s: invalid_request', async (_what, form, headers) => {
    const sent = { ...bearer(asker), ...headers };
    if (sent.Authorization === '') delete (sent as Record<string, string>).Authorization;
    const { status, body, text } = await post(server, '/oauth/introspect', form, sent);
    expect([status, body.error]).toEqual([400, 'invalid_request']);
    expect(text).toMatch(/^\{"error":"[a-z_]+","error_description":"[ !#-[\]-~]+"\}$/);
  });

  it('refuses parameters in the address, where they would be logged', async () => {
    const { status, body } = await post(server, '/oauth/introspect?token=x', 'token=x', bearer(asker));
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  });

  it('refuses what is longer than any form', async () => {
    const { status, body } = await post(server, '/oauth/introspect', `token=${'a'.repeat(40_000)}`, bearer(asker));
    expect([status, body.error]).toEqual([413, 'invalid_request']);
  });

  it('refuses Basic that is not well formed, or comes beside another credential', async () => {
    const odd = ['Basic', 'Basic !!!', 'Basic YQ', `Basic ${btoa('no colon')}`, `Basic ${btoa('a:%zz')}`];
    for (const Authorization of odd) {
      const { status } = await introspect('x', { Authorization });
      expect([Authorization, status]).toEqual([Authorization, 400]);
    }
    const two = await introspect('x', { ...basic('a', 'b'), 'X-API-Key': asker });
    expect([two.status, two.body.error]).toEqual([400, 'invalid_request']);
    const other = await post(server, '/oauth/introspect', { token: 'x', client_id: 'a' }, basic('b', 'c'));
    expect([other.status, other.body.error]).toEqual([400, 'invalid_request']);
  });

  it('takes POST alone, and knows no other path', async () => {
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const { status, headers } = await call(server, `${method} /oauth/introspect`, { token: asker });
      expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await call(server, 'POST /oauth/introspect/', { token: asker })).status).toBe(404);
    expect((await call(server, 'POST /oauth/constructor', { token: asker })).status).toBe(404);
  });

  it('ignores parameters that it does not know, as the standard says', async () => {
    const { token: mine } = await mintOrders();
    const form = { token: mine, token_type_hint: 'refresh_token', resource: 'x', constructor: 'y' };
    expect((await post(server, '/oauth/introspect', form, bearer(asker))).body.active).toBe(true);
  });
});

it('a guesser is held up for its address, and no longer heard', async () => {
  const strict = await startServer({ env: { TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '3' } });
  const { token } = await caller(strict, strict.rootToken).mint();
  const guess = (last: string) => post(strict, '/oauth/introspect', { token }, basic('x', token.slice(0, -1) + last));
  for (const last of ['!', '"', '#']) expect((await guess(last)).status).toBe(401);
  const { status, body, headers } = await guess('$');
  expect([status, body.error]).toEqual([429, 'temporarily_unavailable']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
});
