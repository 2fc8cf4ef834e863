/** Token exchange (RFC 8693): a long-lived token for a short one that may do less, is judged with it, and dies with it. */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, type Minted, newWorkspace, together, type Workspace } from './support/call.ts';
import { basic, bearer, type Fields, post, type Told } from './support/oauth.ts';
import { proofKey } from './support/proofs.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

let server: Server;
let workspace: Workspace;
beforeAll(async () => {
  server = await startServer();
  workspace = await newWorkspace(server);
}, STARTS_MS);
afterAll(endServers);

const exchange = (subject: string, more: Fields = {}, headers: Fields = {}): Promise<Told> =>
  post(
    server,
    '/oauth/token',
    { grant_type: GRANT, subject_token: subject, subject_token_type: ACCESS_TOKEN, ...more },
    headers,
  );
const issued = async (subject: string, more: Fields = {}, headers: Fields = {}): Promise<string> => {
  const { status, body, text } = await exchange(subject, more, headers);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return String(body.access_token);
};
const mint = (more: Parameters<Workspace['admin']['mint']>[0] = {}): Promise<Minted> =>
  workspace.admin.mint({ scopes: ['a', 'b'], ...more });
const codeOf = async (token: string): Promise<string> => (await workspace.admin.verify(token)).code;
const refusalOf = async (told: Promise<Told>): Promise<unknown[]> => {
  const { status, body, headers } = await told;
  expect(headers.get('cache-control')).toBe('no-store');
  return [status, body.error];
};

describe('what is given in exchange', () => {
  it('is a signed token of ten minutes that descends from the one that was presented', async () => {
    const owner = await workspace.admin.do('owners.create', { body: { type: 'service', name: 'job' } });
    const subject = await mint({ owner: owner.id, env: 'test' });
    const { status, headers, body } = await exchange(subject.token);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.any(String),
      issued_token_type: JWT,
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'a b',
    });
    const text = String(body.access_token);
    expect(decodeProtectedHeader(text)).toMatchObject({ typ: 'at+jwt' });
    const claims = decodeJwt<{ tsr: Record<string, unknown> }>(text);
    expect(claims).toMatchObject({ sub: owner.id, client_id: subject.id, scope: 'a b', aud: 'default' });
    expect(claims.tsr).toMatchObject({ env: 'test', up: [subject.id] });
    const child = await workspace.admin.do('tokens.get', { id: String(claims.jti) });
    expect(child).toMatchObject({ parent: subject.id, format: 'jwt', owner: owner.id, createdBy: subject.id });
    expect(await workspace.admin.verify(text)).toMatchObject({ valid: true, id: child.id, env: 'test' });
    const { items } = await workspace.admin.do('audit.list', { query: { target: child.id } });
    expect(items[0]).toMatchObject({ action: 'token.create', actor: { token: subject.id }, address: '127.0.0.1' });
  });

  it('may be an opaque one', async () => {
    const subject = await mint();
    const { body } = await exchange(subject.token, { requested_token_type: ACCESS_TOKEN });
    expect(body).toMatchObject({ issued_token_type: ACCESS_TOKEN, expires_in: 600 });
    expect(body.access_token).toMatch(/^tsr_live_/);
    expect(await codeOf(String(body.access_token))).toBe('ok');
  });

  it('is for any kind of token: personal, signed, and one that was exchanged itself', async () => {
    const { admin } = workspace;
    const role = await admin.do('roles.create', { body: { name: 'ab', scopes: ['a', 'b'] } });
    const user = await admin.do('owners.create', { body: { type: 'user', name: 'Grace', roles: [role.id] } });
    const personal = await mint({ kind: 'personal_access_token', owner: user.id });
    const signed = await mint({ format: 'jwt' });
    const first = await issued(personal.token, { scope: 'a' });
    const second = await issued(first, { subject_token_type: JWT });
    const third = await issued(signed.token, { subject_token_type: JWT, requested_token_type: ACCESS_TOKEN });
    expect(await Promise.all([first, second, third].map(codeOf))).toEqual(['ok', 'ok', 'ok']);
    // What the user's roles no longer say, nothing that descends from the token may do.
    await admin.do('owners.update', { id: user.id, body: { roles: [] } });
    expect(await admin.verify(second, { scopes: ['a'] })).toMatchObject({ code: 'insufficient_scope' });
  });

  it('is another one each time, also where fifty ask at once', async () => {
    const subject = await mint();
    const texts = await together(50, () => issued(subject.token));
    expect(new Set(texts.map((text) => decodeJwt(text).jti)).size).toBe(50);
    expect(new Set(await Promise.all(texts.map(codeOf)))).toEqual(new Set(['ok']));
  });

  it('dies with the one that it came from', async () => {
    const subject = await mint();
    const child = await issued(subject.token);
    const grandchild = await issued(child);
    expect([await codeOf(child), await codeOf(grandchild)]).toEqual(['ok', 'ok']);
    await workspace.admin.do('tokens.revoke', { id: subject.id });
    expect([await codeOf(child), await codeOf(grandchild)]).toEqual(['revoked', 'revoked']);
    expect(await refusalOf(exchange(child))).toEqual([400, 'invalid_request']);
  });

  it('is introspected and revoked like any other, and takes nothing else with it', async () => {
    const subject = await mint();
    const { token: asker } = await workspace.scoped('verify');
    const child = await issued(subject.token, { scope: 'a' });
    const { body } = await post(server, '/oauth/introspect', { token: child }, bearer(asker));
    expect(body).toMatchObject({ active: true, scope: 'a', client_id: subject.id, jti: decodeJwt(child).jti });
    expect(body.tsr).toMatchObject({ up: [subject.id] });
    expect((await post(server, '/oauth/revoke', { token: child })).status).toBe(200);
    expect([await codeOf(child), await codeOf(subject.token)]).toEqual(['revoked', 'ok']);
  });
});

describe('it is only ever narrower', () => {
  it('in scope', async () => {
    const subject = await mint();
    expect(decodeJwt(await issued(subject.token, { scope: 'b' })).scope).toBe('b');
    const child = await issued(subject.token, { scope: 'b' });
    expect(await refusalOf(exchange(child, { scope: 'a' }))).toEqual([400, 'invalid_scope']);
    expect(await refusalOf(exchange(subject.token, { scope: 'a c' }))).toEqual([400, 'invalid_scope']);
    for (const scope of ['a  b', ' a', 'a a', 'a\tb', 'ä', 'a"'])
      expect([scope, await refusalOf(exchange(subject.token, { scope }))]).toEqual([scope, [400, 'invalid_scope']]);
  });

  it('in scope as it is now, and not as it was minted', async () => {
    const { admin } = workspace;
    const role = await admin.do('roles.create', { body: { name: 'was ab', scopes: ['a', 'b'] } });
    const user = await admin.do('owners.create', { body: { type: 'user', name: 'Ada', roles: [role.id] } });
    const { token } = await mint({ kind: 'personal_access_token', owner: user.id });
    await admin.do('roles.update', { id: role.id, body: { scopes: ['a'] } });
    expect(decodeJwt(await issued(token)).scope).toBe('a');
    expect(await refusalOf(exchange(token, { scope: 'a b' }))).toEqual([400, 'invalid_scope']);
  });

  it('in audience', async () => {
    const subject = await mint();
    expect(await codeOf(await issued(subject.token, { audience: 'default' }))).toBe('ok');
    expect(await refusalOf(exchange(subject.token, { audience: 'other' }))).toEqual([400, 'invalid_target']);
    expect(await refusalOf(exchange(subject.token, { resource: 'https://other.example.test' }))).toEqual([
      400,
      'invalid_target',
    ]);
    const form = new URLSearchParams({
      grant_type: GRANT,
      subject_token: subject.token,
      subject_token_type: ACCESS_TOKEN,
    });
    const both = `${form}&audience=default&audience=other`;
    expect(await refusalOf(post(server, '/oauth/token', both))).toEqual([400, 'invalid_target']);
    expect((await post(server, '/oauth/token', `${form}&audience=default&resource=default`)).status).toBe(200);
  });

  it('in lifetime', async () => {
    const subject = await mint({ expiresIn: 120 });
    const { body } = await exchange(subject.token);
    expect(body.expires_in).toBeLessThanOrEqual(120);
    expect(body.expires_in).toBeGreaterThan(60);
    expect((await exchange(subject.token, { expires_in: '30' })).body.expires_in).toBe(30);
    expect(await refusalOf(exchange(subject.token, { expires_in: '200' }))).toEqual([400, 'invalid_request']);
    const long = await mint();
    expect((await exchange(long.token, { expires_in: '3600' })).body.expires_in).toBe(3600);
    for (const expires_in of ['3601', '0', '-1', '1.5', '1e2', 'never', '99999999999'])
      expect([expires_in, await refusalOf(exchange(long.token, { expires_in }))]).toEqual([
        expires_in,
        [400, 'invalid_request'],
      ]);
  });

  it('in where it may be used, and how often', async () => {
    const subject = await mint({ ip: { allow: ['127.0.0.0/8'] }, limits: [{ limit: 3, window: 3600 }] });
    const child = await issued(subject.token);
    const from = (ip: string) => workspace.admin.verify(child, { request: { ip } });
    expect((await from('192.0.2.1')).code).toBe('ip_denied');
    // The exchange was the first use of the parent.
    expect((await from('127.0.0.1')).code).toBe('ok');
    expect((await from('127.0.0.1')).code).toBe('ok');
    expect((await from('127.0.0.1')).code).toBe('rate_limited');
    expect(await refusalOf(exchange(subject.token))).toEqual([429, 'temporarily_unavailable']);
  });

  it('in generations: four below the first', async () => {
    let { token } = await mint();
    for (let generation = 1; generation <= 4; generation += 1) token = await issued(token);
    expect(await codeOf(token)).toBe('ok');
    expect(await refusalOf(exchange(token))).toEqual([400, 'invalid_request']);
  });

  it('and does not outlive a secret that was replaced', async () => {
    const subject = await mint();
    await workspace.admin.do('tokens.rotate', { id: subject.id, body: { graceSeconds: 60 } });
    const { body } = await exchange(subject.token);
    expect(body.expires_in).toBeLessThanOrEqual(60);
    expect(await refusalOf(exchange(subject.token, { expires_in: '300' }))).toEqual([400, 'invalid_request']);
    await workspace.admin.do('tokens.rotate', { id: subject.id, body: { graceSeconds: 0 } });
    expect(await refusalOf(exchange(subject.token))).toEqual([400, 'invalid_request']);
  });

  it('and gives a management token no more authority than it has', async () => {
    const manager = await workspace.scoped('tokens:read', 'verify');
    const child = await issued(manager.token, { scope: 'tokens:read' });
    expect((await call(server, 'GET /v1/tokens', { token: child })).status).toBe(200);
    expect((await call(server, 'GET /v1/apis', { token: child })).status).toBe(403);
    expect(await refusalOf(exchange(manager.token, { scope: 'tokens:write' }))).toEqual([400, 'invalid_scope']);
    expect(await refusalOf(exchange(server.rootToken))).toEqual([400, 'invalid_request']);
  });
});

describe('a token that is bound to a key', () => {
  const request = () => ({ method: 'POST', url: `${server.url}/oauth/token` });

  it('is exchanged with a proof alone, and what is given is bound to the same key', async () => {
    const key = await proofKey();
    const subject = await mint({ boundKey: key.thumbprint });
    expect(await refusalOf(exchange(subject.token))).toEqual([400, 'invalid_dpop_proof']);
    const proof = await key.prove(subject.token, request());
    const { body } = await exchange(subject.token, {}, { DPoP: proof });
    expect(body).toMatchObject({ token_type: 'DPoP' });
    expect(decodeJwt(String(body.access_token)).cnf).toEqual({ jkt: key.thumbprint });
    expect(await refusalOf(exchange(subject.token, {}, { DPoP: proof }))).toEqual([400, 'invalid_dpop_proof']);
    const other = await proofKey();
    const wrong = [
      await other.prove(subject.token, request()),
      await key.prove('another token', request()),
      await key.prove(subject.token, { method: 'GET', url: request().url }),
      await key.prove(subject.token, { method: 'POST', url: `${server.url}/oauth/revoke` }),
      'garbage',
    ];
    for (const DPoP of wrong)
      expect(await refusalOf(exchange(subject.token, {}, { DPoP }))).toEqual([400, 'invalid_dpop_proof']);
  });

  it('takes a proof that names no token, as clients make them for this endpoint, and no door else does', async () => {
    const key = await proofKey();
    const subject = await mint({ boundKey: key.thumbprint });
    const bare = () => key.prove(subject.token, request(), { ath: undefined });
    const child = await issued(subject.token, {}, { DPoP: await bare() });
    expect(decodeJwt(child).cnf).toEqual({ jkt: key.thumbprint });
    const proof = await key.prove(
      subject.token,
      { method: 'GET', url: 'https://api.example.test/' },
      { ath: undefined },
    );
    const headers = { dpop: proof };
    const asked = { request: { method: 'GET', host: 'api.example.test', path: '/', headers } };
    expect((await workspace.admin.verify(subject.token, asked)).code).toBe('proof_invalid');
  });

  it('may come of one that is not: a proof binds what is given', async () => {
    const key = await proofKey();
    const subject = await mint();
    const proof = await key.prove(subject.token, request());
    const { body } = await exchange(subject.token, {}, { DPoP: proof });
    expect(body).toMatchObject({ token_type: 'DPoP' });
    expect(decodeJwt(String(body.access_token)).cnf).toEqual({ jkt: key.thumbprint });
    expect(await codeOf(String(body.access_token))).toBe('proof_required');
    expect(await refusalOf(exchange(subject.token, {}, { DPoP: proof }))).toEqual([400, 'invalid_dpop_proof']);
    expect(await refusalOf(exchange(subject.token, {}, { DPoP: 'garbage' }))).toEqual([400, 'invalid_dpop_proof']);
  });
});

describe('who asks', () => {
  it('need not say so; a client that does is named in what is given', async () => {
    const service = await workspace.admin.mint({ name: 'gateway' });
    const subject = await mint();
    const child = await issued(subject.token, {}, basic(service.id, service.token));
    expect(decodeJwt(child).client_id).toBe(service.id);
    expect(decodeJwt(await issued(subject.token, { client_id: 'anybody' })).client_id).toBe(subject.id);
  });

  it('and is refused where it is not known, or is of another workspace', async () => {
    const subject = await mint();
    const stranger = await (await newWorkspace(server)).admin.mint();
    expect(await refusalOf(exchange(subject.token, {}, basic('x', 'y')))).toEqual([401, 'invalid_client']);
    expect(await refusalOf(exchange(subject.token, {}, basic(stranger.id, stranger.token)))).toEqual([
      400,
      'unauthorized_client',
    ]);
  });
});

it(
  'a token and its children are exchanged so often and no more: whoever holds one must not fill the store',
  async () => {
    const own = await startServer({ env: { TESSERA_EXCHANGES_PER_MINUTE: '3' } });
    const admin = caller(own, own.rootToken);
    const { token } = await admin.mint();
    const form = { grant_type: GRANT, subject_token_type: ACCESS_TOKEN };
    const once = async (subject: string) => post(own, '/oauth/token', { ...form, subject_token: subject });
    const child = String((await once(token)).body.access_token);
    const grandchild = String((await once(child)).body.access_token);
    expect((await once(grandchild)).status).toBe(200);
    for (const text of [token, child, grandchild]) {
      const { status, body, headers } = await once(text);
      expect([status, body.error]).toEqual([429, 'temporarily_unavailable']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await once((await admin.mint()).token)).status).toBe(200);
  },
  STARTS_MS,
);

describe('what is refused', () => {
  it('whatever is wrong with the token, in the same words', async () => {
    const [revoked, disabled, mine] = await Promise.all([mint(), mint(), mint()]);
    await workspace.admin.do('tokens.revoke', { id: revoked.id });
    await workspace.admin.do('tokens.update', { id: disabled.id, body: { enabled: false } });
    const away = await mint({ ip: { allow: ['192.0.2.0/24'] } });
    const forged = `${mine.token.slice(0, -1)}${mine.token.endsWith('a') ? 'b' : 'a'}`;
    const told = await Promise.all([revoked.token, disabled.token, forged, 'garbage'].map((text) => exchange(text)));
    expect(told.map(({ status, text }) => [status, text])).toEqual(
      told.map(() => [
        400,
        '{"error":"invalid_request","error_description":"subject_token: The token is not valid here."}',
      ]),
    );
    expect(await refusalOf(exchange(away.token))).toEqual([400, 'invalid_request']);
  });

  const wrong: readonly (readonly [string, Fields, string])[] = [
    ['no grant', { grant_type: '' }, 'invalid_request'],
    ['another grant', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no token', { subject_token: '' }, 'invalid_request'],
    ['no type of the token', { subject_token_type: '' }, 'invalid_request'],
    ['an ID token', { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }, 'invalid_request'],
    [
      'a refresh token asked for',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'invalid_request',
    ],
    ['somebody who acts for another', { actor_token: 'x', actor_token_type: ACCESS_TOKEN }, 'invalid_request'],
    ['the type of an actor alone', { actor_token_type: ACCESS_TOKEN }, 'invalid_request'],
  ];
  it.each(wrong)('%s', async (_what, more, code) => {
    const { token } = await mint();
    expect(await refusalOf(exchange(token, more))).toEqual([400, code]);
  });

  it('a form that is not strict, another method, and JSON', async () => {
    const { token } = await mint();
    const form = String(
      new URLSearchParams({ grant_type: GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN }),
    );
    for (const odd of [`${form}&scope=a&scope=b`, `${form}&grant_type=${GRANT}`, `${form}&scope=%ff`])
      expect(await refusalOf(post(server, '/oauth/token', odd))).toEqual([400, 'invalid_request']);
    expect(await refusalOf(post(server, `/oauth/token?${form}`, ''))).toEqual([400, 'invalid_request']);
    const json = { 'Content-Type': 'application/json' };
    expect(await refusalOf(post(server, '/oauth/token', '{}', json))).toEqual([400, 'invalid_request']);
    expect((await call(server, 'GET /oauth/token')).status).toBe(405);
  });
});
