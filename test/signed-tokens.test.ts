/** A signed token is a token like any other: minted, judged at every door, listed, changed, rotated and revoked. */
import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { BodyInput } from '@tessera/contract';
import { compactDecrypt, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newWorkspace, problemOf, together, type Workspace } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const PUBLIC_URL = 'https://tokens.example.test';
const ALGORITHMS = ['EdDSA', 'ES256', 'PS256', 'RS256', 'HS256', 'ML-DSA-65'] as const;

let server: Server;
let workspace: Workspace;

beforeAll(async () => {
  server = await startServer({ env: { TESSERA_PUBLIC_URL: PUBLIC_URL } });
  workspace = await newWorkspace(server);
}, STARTS_MS);
afterAll(endServers);

const judged = async (token: string, asked: object = {}) =>
  workspace.admin.do('verify.one', { body: { token, ...asked } });
const codeOf = async (token: string, asked: object = {}) => (await judged(token, asked)).code;

/** An api whose tokens are signed so. */
async function apiWith(jwt: object, scopes: readonly string[] = ['read', 'write']) {
  const audience = `https://${crypto.randomUUID()}.example.test`;
  const defined = Object.fromEntries(scopes.map((scope) => [scope, scope]));
  return workspace.admin.do('apis.create', { body: { audience, scopes: defined, jwt } });
}

/** So many objects, one in another. */
const nested = (depth: number, innermost: object = {}): object =>
  depth === 1 ? innermost : { a: nested(depth - 1, innermost) };

type MintBody = BodyInput<'tokens.create'>;

async function signed(api: { audience: string }, more: Partial<MintBody> = {}) {
  const body: MintBody = { name: 'signed', format: 'jwt', api: api.audience, scopes: ['read'], ...more };
  return workspace.admin.do('tokens.create', { body });
}

describe('a signed token', () => {
  it.each(ALGORITHMS)('by %s says who may do what (RFC 9068), and is allowed', async (alg) => {
    const api = await apiWith({ alg });
    const owner = await workspace.admin.do('owners.create', { body: { type: 'service', name: 'shop' } });
    const minted = await signed(api, { owner: owner.id, client: 'app-1', session: 'ses-1' });
    const { id, token, expiresAt } = minted;
    expect(minted).toMatchObject({
      kind: 'access_token',
      format: 'jwt',
      client: 'app-1',
      session: 'ses-1',
      parent: null,
    });
    const header = decodeProtectedHeader(token);
    expect(header).toEqual({ alg, typ: 'at+jwt', kid: expect.stringMatching(/^key_/) });
    const { iat = 0, ...claims } = decodeJwt(token);
    expect(claims).toEqual({
      iss: `${PUBLIC_URL}/workspaces/${workspace.id}`,
      sub: owner.id,
      aud: api.audience,
      client_id: 'app-1',
      jti: id,
      exp: iat + 600,
      scope: 'read',
      sid: 'ses-1',
      tsr: {
        api: api.id,
        env: 'live',
        kind: 'access_token',
        name: 'signed',
        own: 'service',
        seq: expect.any(Number) as number,
      },
    });
    expect(Math.floor(Date.parse(expiresAt ?? '') / 1000)).toBe(claims.exp);
    expect(await judged(token, { audience: api.audience, scopes: ['read'] })).toMatchObject({
      valid: true,
      code: 'ok',
      id,
      kind: 'access_token',
      owner: owner.id,
      scopes: ['read'],
    });
    expect(await codeOf(token, { scopes: ['write'] })).toBe('insufficient_scope');
    expect(await codeOf(token, { audience: 'https://else.example.test' })).toBe('wrong_audience');
  });

  it.each(['EdDSA', 'ES256', 'PS256', 'RS256', 'ML-DSA-65'] as const)(
    'by %s verifies with the published keys alone',
    async (alg) => {
      const api = await apiWith({ alg });
      const { token } = await signed(api);
      const keys = createRemoteJWKSet(new URL(`${server.url}/workspaces/${workspace.id}/jwks.json`));
      const { payload } = await jwtVerify(token, keys, {
        issuer: `${PUBLIC_URL}/workspaces/${workspace.id}`,
        audience: api.audience,
        typ: 'at+jwt',
        algorithms: [alg],
      });
      expect(payload.scope).toBe('read');
    },
  );

  it('carries what the profile of its api adds, by owner, roles and token', async () => {
    const role = await workspace.admin.do('roles.create', { body: { name: 'buyer', scopes: [] } });
    const owner = await workspace.admin.do('owners.create', {
      body: { type: 'customer', name: 'Zoë', roles: [role.id], metadata: { plan: 'gold' } },
    });
    const api = await apiWith({
      claims: {
        plan: `\${owner.metadata.plan}`,
        roles: `\${owner.roles}`,
        tier: `\${token.metadata.tier}`,
        'https://example.test/who': {
          name: `\${owner.name} (\${owner.type})`,
          since: 2026,
          tags: ['a', `\${token.name}`],
        },
      },
    });
    const { token } = await signed(api, { owner: owner.id });
    expect(decodeJwt(token)).toMatchObject({
      plan: 'gold',
      roles: ['buyer'],
      'https://example.test/who': { name: 'Zoë (customer)', since: 2026, tags: ['a', 'signed'] },
    });
    expect(decodeJwt(token)).not.toHaveProperty('tier');
    expect(await codeOf(token)).toBe('ok');
  });

  it('is accepted with claims as deep as they may be', async () => {
    const { token } = await signed(await apiWith({ claims: { a: nested(15) } }));
    expect(await codeOf(token)).toBe('ok');
  });

  it.each([
    ['a registered one', { sub: 'me' }, '/jwt/claims/sub', 'is set by Tessera'],
    ['our own', { tsr: {} }, '/jwt/claims/tsr', 'is set by Tessera'],
    ['an unknown name', { a: `\${owner.secret}` }, '/jwt/claims/a', 'knows'],
    ['roles among text', { a: `x \${owner.roles}` }, '/jwt/claims/a', 'by themselves alone'],
    ['a name without end', { a: [{ b: '${owner.id' }] }, '/jwt/claims/a', 'without its end'],
    ['deeper than any door reads', { a: nested(16) }, '/jwt/claims/a', 'nested deeper than 15'],
    ['made deeper by its list', { a: nested(15, { roles: `\${owner.roles}` }) }, '/jwt/claims/a', 'deeper than 15'],
  ])('has no claim that is %s', async (_, claims, pointer, words) => {
    const audience = `https://${crypto.randomUUID()}.example.test`;
    const answer = problemOf(
      await workspace.admin.ask('apis.create', { body: { audience, jwt: { claims } as never } }),
    );
    const detail = expect.stringContaining(words) as unknown;
    expect(answer).toMatchObject({ status: 422, code: 'invalid_input', errors: [{ pointer, detail }] });
  });

  it('expires, and says when it is not asked for less than ten minutes', async () => {
    const api = await apiWith({});
    const { token, expiresAt, createdAt } = await signed(api, { expiresIn: 60 });
    // Whole seconds, as its claims say it.
    expect(Math.ceil((Date.parse(expiresAt ?? '') - Date.parse(createdAt)) / 1000)).toBe(60);
    expect(Date.parse(expiresAt ?? '') % 1000).toBe(0);
    expect(await codeOf(token)).toBe('ok');
    const body: MintBody = { name: 'x', format: 'jwt', scopes: [], expiresIn: 'never' };
    expect(problemOf(await workspace.admin.ask('tokens.create', { body }))).toMatchObject({
      status: 422,
      errors: [{ pointer: '/expiresIn', detail: 'a signed token must expire', code: 'expiry_required' }],
    });
    const kind: MintBody = { name: 'x', format: 'jwt', scopes: [], kind: 'api_key' };
    expect(problemOf(await workspace.admin.ask('tokens.create', { body: kind }))).toMatchObject({
      status: 422,
      errors: [{ pointer: '/kind' }],
    });
  });

  it('is revoked, disabled, narrowed and rotated like any other', async () => {
    const api = await apiWith({ alg: 'ES256' });
    const { admin } = workspace;
    const { id, token } = await signed(api, { scopes: ['read', 'write'] });
    await admin.do('tokens.update', { id, body: { enabled: false } });
    expect(await codeOf(token)).toBe('disabled');
    await admin.do('tokens.update', { id, body: { enabled: true, scopes: ['read'] } });
    expect(await codeOf(token, { scopes: ['read'] })).toBe('ok');
    expect(await codeOf(token, { scopes: ['write'] })).toBe('insufficient_scope');
    const wider = problemOf(await admin.ask('tokens.update', { id, body: { scopes: ['read', 'write'] } }));
    expect([wider.status, wider.detail]).toEqual([409, 'the token was signed without the scope write']);
    const longer = { expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
    const later = problemOf(await admin.ask('tokens.update', { id, body: longer }));
    expect([later.status, later.detail]).toEqual([409, 'the token was signed with an earlier expiry']);
    const next = await admin.do('tokens.rotate', { id, body: { graceSeconds: 60 } });
    expect([decodeJwt(token).jti, decodeJwt(next.token).jti]).toEqual([id, `${id}.2`]);
    expect(decodeJwt(next.token).scope).toBe('read');
    expect([await codeOf(token), await codeOf(next.token)]).toEqual(['ok', 'ok']);
    await admin.do('tokens.revoke', { id });
    expect([await codeOf(token), await codeOf(next.token)]).toEqual(['revoked', 'revoked']);
  });

  it('is minted and judged fifty at once, each under its own name', async () => {
    const api = await apiWith({ alg: 'EdDSA' });
    const minted = await together(50, () => signed(api));
    expect(new Set(minted.map(({ token }) => decodeJwt(token).jti)).size).toBe(50);
    expect(new Set(await Promise.all(minted.map(({ token }) => codeOf(token))))).toEqual(new Set(['ok']));
  });

  it('is rotated fifty times at once, each text under its own name, and two are left alive', async () => {
    const api = await apiWith({ alg: 'EdDSA' });
    const { id } = await signed(api, { expiresIn: 3600 });
    const texts = (await together(50, () => workspace.admin.do('tokens.rotate', { id }))).map(({ token }) => token);
    expect(new Set(texts.map((text) => decodeJwt(text).jti)).size).toBe(50);
    const codes = await Promise.all(texts.map((text) => codeOf(text)));
    expect(codes.filter((code) => code === 'ok')).toHaveLength(2);
    expect(new Set(codes)).toEqual(new Set(['ok', 'rotated']));
  });

  it('stands in the audit log without its text, and in no list', async () => {
    const api = await apiWith({});
    const { id, token, hint, fingerprint } = await signed(api);
    const signature = token.slice(token.lastIndexOf('.') + 1);
    expect(hint).toBe(`eyJ…${token.slice(-4)}`);
    const { items } = await workspace.admin.do('audit.list', { query: { target: id } });
    expect(items[0]).toMatchObject({ action: 'token.create', details: { format: 'jwt', fingerprint } });
    expect(JSON.stringify(items)).not.toContain(signature);
    expect(JSON.stringify(await workspace.admin.do('tokens.get', { id }))).not.toContain(signature);
    expect(`${server.stdout()}${server.stderr()}`).not.toContain(signature);
  });
});

describe('a text that is not exactly one that was given out', () => {
  let token: string;
  let key: KeyObject;
  beforeAll(async () => {
    const api = await apiWith({ alg: 'HS256' });
    ({ token } = await signed(api));
    key = createSecretKey(Buffer.alloc(32, 7));
  });

  it.each([
    ['a padding', (text: string) => `${text}=`],
    ['a segment more', (text: string) => `${text}.`],
    ['a character less', (text: string) => text.slice(0, -1)],
    ['another first character of the signature', (text: string) => replaced(text, text.lastIndexOf('.') + 1)],
    ['another payload', (text: string) => replaced(text, text.indexOf('.') + 8)],
  ])('by %s is refused', async (_, change) => {
    expect(['malformed', 'signature_invalid']).toContain(await codeOf(change(token)));
    expect(await codeOf(token)).toBe('ok');
  });

  it('by a key of somebody else under our name is refused', async () => {
    const { kid = '' } = decodeProtectedHeader(token);
    const forged = await new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
      .sign(key);
    expect(await codeOf(forged)).toBe('signature_invalid');
  });

  it('by a key that nobody has is refused', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'key_01k3zq4v8e7m0a9c5d6f7g8h9j' };
    const forged = await new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(privateKey);
    expect(await codeOf(forged)).toBe('signature_invalid');
  });

  it('of another workspace is unknown', async () => {
    const other = await newWorkspace(server);
    const { code } = await other.admin.do('verify.one', { body: { token } });
    expect(code).toBe('unknown');
  });
});

describe('a key', () => {
  it('that is rotated fails no token, and one that is deleted ends all that it signed', async () => {
    const api = await apiWith({ alg: 'PS256' });
    const before = await signed(api);
    const rotated = await workspace.admin.do('keys.rotate', { body: { alg: 'PS256' } });
    const after = await signed(api);
    expect(decodeProtectedHeader(after.token).kid).toBe(rotated.active.id);
    expect([await codeOf(before.token), await codeOf(after.token)]).toEqual(['ok', 'ok']);
    const retired = rotated.retired?.id ?? '';
    expect(decodeProtectedHeader(before.token).kid).toBe(retired);
    await workspace.admin.do('keys.delete', { id: retired });
    const fresh = await signed(api);
    expect([await codeOf(before.token), await codeOf(fresh.token)]).toEqual(['signature_invalid', 'ok']);
  });

  it('is kept until the last token that it signed has expired', async () => {
    const api = await apiWith({ alg: 'RS256' });
    const { token, expiresAt } = await signed(api, { expiresIn: '30d' });
    const { kid = '' } = decodeProtectedHeader(token);
    const { neededUntil } = await workspace.admin.do('keys.get', { id: kid });
    expect(Date.parse(neededUntil ?? '')).toBeGreaterThanOrEqual(Date.parse(expiresAt ?? '') + 60_000);
    await workspace.admin.do('keys.rotate', { body: { alg: 'RS256' } });
    expect((await workspace.admin.do('keys.get', { id: kid })).neededUntil).toBe(neededUntil);
  });

  it('that was retired on purpose is not made anew', async () => {
    const there = await newWorkspace(server);
    const body: MintBody = { name: 'x', format: 'jwt', scopes: [] };
    const { token } = await there.admin.do('tokens.create', { body });
    await there.admin.do('keys.retire', { id: decodeProtectedHeader(token).kid ?? '' });
    const answer = problemOf(await there.admin.ask('tokens.create', { body }));
    expect([answer.status, answer.detail]).toEqual([409, 'no key for EdDSA is active: rotate or activate one']);
    expect((await there.admin.do('verify.one', { body: { token } })).code).toBe('ok');
  });
});

describe('an encrypted token', () => {
  it('is read by whom it is for alone, and judged like any other', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'reader-1' };
    const api = await apiWith({ alg: 'ES256', encryption: { alg: 'ECDH-ES+A256KW', jwk } });
    const { id, token } = await signed(api);
    expect(decodeProtectedHeader(token)).toMatchObject({
      alg: 'ECDH-ES+A256KW',
      enc: 'A256GCM',
      cty: 'JWT',
      kid: 'reader-1',
    });
    expect(token).not.toContain(Buffer.from(id).toString('base64url').slice(2, -2));
    const { plaintext } = await compactDecrypt(token, privateKey);
    expect(decodeJwt(new TextDecoder().decode(plaintext))).toMatchObject({ jti: id, aud: api.audience });
    expect(await judged(token, { audience: api.audience })).toMatchObject({ code: 'ok', id });
    expect(await codeOf(replaced(token, token.lastIndexOf('.') + 1))).toBe('malformed');
    await workspace.admin.do('tokens.revoke', { id });
    expect(await codeOf(token)).toBe('revoked');
  });

  it.each(['ECDH-ES+A256KW', 'dir'] as const)('by the key of the ring (%s) names it', async (alg) => {
    const api = await apiWith({ encryption: { alg } });
    const { token } = await signed(api);
    const { kid } = decodeProtectedHeader(token);
    const key = await workspace.admin.do('keys.get', { id: kid ?? '' });
    expect([key.use, key.alg]).toEqual(['enc', alg === 'dir' ? 'A256GCM' : alg]);
    expect(await codeOf(token)).toBe('ok');
  });

  it.each([
    ['a private key', (jwk: object) => ({ ...jwk, d: 'x' })],
    ['a point off the curve', (jwk: object) => ({ ...jwk, x: 'AAAA' })],
    ['no name', (jwk: object) => ({ ...jwk, kid: undefined })],
  ])('is not made for %s', async (_, change) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = change({ ...publicKey.export({ format: 'jwk' }), kid: 'reader-1' });
    const body = {
      audience: `https://${crypto.randomUUID()}.test`,
      jwt: { encryption: { alg: 'ECDH-ES+A256KW', jwk } },
    };
    const answer = problemOf(await workspace.admin.ask('apis.create', { body: body as never }));
    expect(answer).toMatchObject({ status: 422, errors: [{ pointer: '/jwt/encryption/jwk' }] });
  });
});

/** The text with another character of base64url at a place. */
function replaced(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}
