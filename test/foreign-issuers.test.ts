/** Issuers that are trusted: their tokens are refused again at once, their keys are followed, and they are asked where they sign nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, problemOf } from './support/call.ts';
import { newIssuerKey, startIssuer } from './support/issuer.ts';
import { endServers, newRootToken, runToEnd, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';
import { AUDIENCE, startTrusting, type Trusting } from './support/trusting.ts';
import { until } from './support/until.ts';

let trusting: Trusting;
let { server, admin, api, issuer, other, trust, mint, codeOf } = {} as Trusting;
beforeAll(async () => {
  trusting = await startTrusting();
  ({ server, admin, api, issuer, other, trust, mint, codeOf } = trusting);
}, STARTS_MS);
afterEach(() => trusting.reset());
afterAll(async () => {
  await endServers();
  await trusting.close();
});

describe('is refused again at once', () => {
  it('where the trust is changed, disabled or taken away, or a scope of the api', async () => {
    const { id } = await trust();
    const token = mint({ claims: { scope: 'orders:read' } });
    expect(await codeOf(token)).toBe('ok');
    await admin.do('issuers.update', { id, body: { enabled: false } });
    expect(await codeOf(token)).toBe('disabled');
    await admin.do('issuers.update', { id, body: { enabled: true, requiredClaims: { a: 'b' } } });
    expect(await codeOf(token)).toBe('unknown');
    await admin.do('issuers.update', { id, body: { requiredClaims: {} } });
    expect(await codeOf(token, { scopes: ['orders:read'] })).toBe('ok');
    await admin.do('apis.update', { id: api, body: { scopes: { 'orders:write': 'change' } } });
    expect(await codeOf(token, { scopes: ['orders:read'] })).toBe('insufficient_scope');
    await admin.do('apis.update', {
      id: api,
      body: { scopes: { 'orders:read': 'see', 'orders:write': 'change' } },
    });
    await admin.do('issuers.delete', { id });
    expect(await codeOf(token)).toBe('signature_invalid');
  });

  it('by its jti, its subject, or all that were issued before; and a trust that is given again revives none', async () => {
    const revoking = await startIssuer(trusting.authority);
    const trusted = () => trust({ issuer: revoking.url });
    const { id } = await trusted();
    const now = Math.floor(Date.now() / 1000);
    const ours = (claims: object) => revoking.mint(AUDIENCE, { claims: { ...claims } });
    const [one, two] = [ours({ jti: 'r-1', sub: 'r-a' }), ours({ jti: 'r-2', sub: 'r-a' })];
    const [old, young] = [ours({ sub: 'r-b', iat: now - 50 }), ours({ sub: 'r-b', iat: now + 2 })];
    const codes = async () => Promise.all([one, two, old, young].map((token) => codeOf(token)));
    expect(await codes()).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(await admin.do('issuers.revoke', { id, body: { jti: 'r-1' } })).toMatchObject({
      issuer: revoking.url,
      jti: 'r-1',
      sub: null,
      issuedBefore: null,
    });
    expect(await codes()).toEqual(['revoked', 'ok', 'ok', 'ok']);
    await admin.do('issuers.revoke', { id, body: { sub: 'r-a' } });
    expect(await codes()).toEqual(['revoked', 'revoked', 'ok', 'ok']);
    await admin.do('issuers.revoke', {
      id,
      body: { issuedBefore: new Date((now - 20) * 1000).toISOString() },
    });
    expect(await codes()).toEqual(['revoked', 'revoked', 'revoked', 'ok']);
    // An earlier bound does not take back a later one.
    await admin.do('issuers.revoke', { id, body: { issuedBefore: new Date(0).toISOString() } });
    await admin.do('issuers.delete', { id });
    const { id: again } = await trusted();
    expect(await codes()).toEqual(['revoked', 'revoked', 'revoked', 'ok']);
    const refused = await admin.ask('issuers.revoke', { id: again, body: {} });
    expect(problemOf(refused)).toMatchObject({
      status: 422,
      errors: [{ detail: 'must name jti, sub or issuedBefore' }],
    });
    await revoking.close();
  });

  it('also while a call lasts that it let in', async () => {
    const { id } = await trust();
    const headers = { Authorization: `Bearer ${mint({ claims: { scope: 'orders:read', jti: 'lasting' } })}` };
    const answer = await fetch(`${server.gateway}/orders/stream`, { headers });
    const reader = answer.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first');
    await admin.do('issuers.revoke', { id, body: { jti: 'lasting' } });
    await expect(reader?.read()).rejects.toThrow('terminated');
  });

  it('on another node, within a second, which asks no proxy that its environment names', async () => {
    const two = await startServer({
      data: server.data,
      rootToken: server.rootToken,
      env: { ...trusting.env, HTTPS_PROXY: 'http://127.0.0.1:9', NODE_USE_ENV_PROXY: '1' },
    });
    const { id } = await trust();
    const token = mint({ claims: { jti: 'elsewhere', sub: 'elsewhere' } });
    const there = caller(two, server.rootToken);
    expect((await there.verify(token)).code).toBe('ok');
    await admin.do('issuers.revoke', { id, body: { jti: 'elsewhere' } });
    await until(
      async () => (await there.verify(token)).code,
      (code) => code === 'revoked',
    );
    await two.stop();
  });
});

describe('keys of an issuer', () => {
  it('are known before they sign where they are published before: a rotation refuses nothing', async () => {
    const rotating = await startIssuer(trusting.authority);
    const [old] = rotating.keys;
    const next = newIssuerKey('EdDSA');
    rotating.keys.push(next);
    await trust({ issuer: rotating.url });
    expect(await codeOf(rotating.mint(AUDIENCE))).toBe('ok');
    rotating.keys = [next];
    expect(await codeOf(rotating.mint(AUDIENCE))).toBe('ok');
    // What the key before signed is on its way.
    expect(await codeOf(rotating.mint(AUDIENCE, old && { key: old }))).toBe('ok');
    expect(rotating.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
    await rotating.close();
  });

  it('are not those of another issuer that the discovery document names', async () => {
    const liar = await startIssuer(trusting.authority);
    liar.mood = 'is another';
    await trust({ issuer: liar.url });
    expect(await codeOf(liar.mint(AUDIENCE))).toBe('fault');
    await liar.close();
  });

  it('keep its tokens good while it is away', async () => {
    const away = await startIssuer(trusting.authority);
    await trust({ issuer: away.url, method: { jwksUrl: `${away.url}/keys` } });
    expect(await codeOf(away.mint(AUDIENCE))).toBe('ok');
    await away.close();
    expect(await codeOf(away.mint(AUDIENCE))).toBe('ok');
    expect(await codeOf(away.mint(AUDIENCE, { key: newIssuerKey() }))).not.toBe('ok');
  });

  it('that cannot be had refuse as fault, and are told of in the log and the metrics', async () => {
    const broken = await startIssuer(trusting.authority);
    broken.mood = 'redirects';
    await trust({ issuer: broken.url });
    expect(await codeOf(broken.mint(AUDIENCE))).toBe('fault');
    await server.printed(/the keys of an issuer cannot be fetched/);
    const { text } = await call(server, 'GET /metrics', { token: server.rootToken });
    expect(text).toMatch(/tessera_issuer_key_fetches_total\{outcome="failed"\} [1-9]/);
    expect(text).toMatch(/tessera_issuer_key_age_seconds \d/);
    expect(broken.asked).toEqual(['/.well-known/openid-configuration']);
    await broken.close();
  });

  it('without alg are used where the trust allows one algorithm for them', async () => {
    const { alg: _, ...jwk } = other.keys[0]?.jwk ?? {};
    const [key] = other.keys;
    if (key === undefined) throw new Error('no key');
    const plain = await startIssuer(trusting.authority);
    plain.keys = [{ ...key, jwk }];
    const { id } = await trust({ issuer: plain.url, algorithms: ['RS256', 'PS256'] });
    expect(await codeOf(plain.mint(AUDIENCE))).toBe('fault');
    await admin.do('issuers.update', { id, body: { algorithms: ['RS256'] } });
    expect(await codeOf(plain.mint(AUDIENCE))).toBe('ok');
    await plain.close();
  });
});

describe('an issuer that is asked about its tokens', () => {
  const SECRET = 'p: ss/+&=word%41';
  const introspection = (more = {}) => ({
    introspection: { url: `${issuer.url}/introspect`, clientId: 'tess era', clientSecret: SECRET, ...more },
  });
  const verify = (token: string, audience: string | undefined = AUDIENCE) =>
    admin.verify(token, audience === undefined ? {} : { audience });

  it('says whether an opaque text is one, who it is and what it may do', async () => {
    const trusted = await trust({ method: introspection({ prefix: 'at-' }), name: 'them' });
    const claims = { sub: 'u1', aud: AUDIENCE, scope: 'orders:read', exp: Math.floor(Date.now() / 1000) + 60 };
    issuer.states.set('at-1', claims);
    expect(await verify('at-1')).toMatchObject({ code: 'ok', subject: 'u1', scopes: ['orders:read'], name: 'u1' });
    const pair = Buffer.from((issuer.lastQuestion?.authorization ?? '').replace('Basic ', ''), 'base64').toString();
    expect(pair.split(':').map((part) => new URLSearchParams(`v=${part}`).get('v'))).toEqual(['tess era', SECRET]);
    expect(issuer.lastQuestion?.form.get('token')).toBe('at-1');
    const asked = issuer.asked.length;
    expect((await verify('at-1')).code).toBe('ok');
    expect((await verify('at-absent')).code).toBe('unknown');
    expect(issuer.asked.length).toBe(asked + 1);
    // Nothing is asked about what names no api, begins otherwise, or is a token text of ours.
    expect((await admin.verify('at-1')).code).toBe('malformed');
    expect((await verify('at-1', 'default')).code).toBe('malformed');
    expect((await verify('bt-1')).code).toBe('malformed');
    expect((await verify(newRootToken())).code).toBe('unknown');
    expect(issuer.asked.length).toBe(asked + 1);
    expect(JSON.stringify(trusted)).not.toContain(SECRET);
    expect(JSON.stringify(await admin.do('audit.list'))).not.toContain(SECRET);
  });

  it('is asked once in a second about a text that is none', async () => {
    await trust({ method: introspection() });
    const twice = async () => {
      const text = `none ${crypto.randomUUID()}`;
      const [before, start] = [issuer.asked.length, performance.now()];
      for (const code of [(await verify(text)).code, (await verify(text)).code]) expect(code).toBe('unknown');
      return { questions: issuer.asked.length - before, ms: performance.now() - start };
    };
    // A busy machine may take longer than that for two verdicts.
    expect((await until(twice, ({ ms }) => ms < 1000)).questions).toBe(1);
  });

  it.each([
    ['for another audience', { aud: 'https://other.test' }, 'wrong_audience'],
    ['for none', { aud: undefined }, 'wrong_audience'],
    ['that has ended', { exp: 1000 }, 'expired'],
    ['of another issuer', { iss: 'https://evil.test' }, 'unknown'],
    ['with an end that is a text', { exp: '9999999999' }, 'unknown'],
  ])('and what it says is checked: one %s', async (what, over, code) => {
    await trust({ method: introspection() });
    issuer.states.set(`text of one ${what}`, { sub: 'u', aud: [AUDIENCE], ...over });
    expect((await verify(`text of one ${what}`)).code).toBe(code);
  });

  it('may send its client secret in the body, and need not name an audience where that is not asked', async () => {
    await trust({ method: introspection({ authentication: 'post' }), audience: null });
    issuer.states.set('no-audience', { username: 'u' });
    expect(await verify('no-audience')).toMatchObject({ code: 'ok', subject: '', name: issuer.url });
    expect(issuer.lastQuestion?.authorization).toBeUndefined();
    expect(issuer.lastQuestion?.form.get('client_secret')).toBe(SECRET);
  });

  it('is asked once for the same text at once, also about a signed one', async () => {
    await trust({ method: introspection() });
    const token = mint({ claims: { sub: 'signed' } });
    issuer.states.set(token, { sub: 'signed', aud: AUDIENCE });
    const before = issuer.asked.length;
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => admin.verify(token)));
    expect(verdicts.map(({ code }) => code)).toEqual(Array.from({ length: 20 }, () => 'ok'));
    expect(issuer.asked.length).toBe(before + 1);
  });

  it('refuses as fault while it fails, and is left alone for a moment', async () => {
    await trust({ method: introspection() });
    issuer.mood = 'fails';
    const before = issuer.asked.length;
    for (let index = 0; index < 8; index += 1) expect((await verify(`failing-${index}`)).code).toBe('fault');
    expect(issuer.asked.length).toBe(before + 5);
    await server.printed(/an issuer cannot be asked about its tokens/);
  });
});

it('a start without the authorities that it is told of is refused', { timeout: STARTS_MS }, async () => {
  const env = { TESSERA_PORT: '0', TESSERA_GATEWAY_PORT: '0', TESSERA_DATA: temporaryFolder() };
  const { code, stderr } = await runToEnd(['start'], { ...env, TESSERA_ISSUER_CA: '/nowhere/ca.pem' });
  expect([code, stderr]).toEqual([8, 'tessera cannot start: issuerCa: the file does not exist\n']);
});

describe('an administrator', () => {
  it.each([
    [{ issuer: 'no-url' }, '/issuer', 'discovery needs an issuer that is an https URL without query and fragment'],
    [
      { issuer: 'http://issuer.test' },
      '/issuer',
      'discovery needs an issuer that is an https URL without query and fragment',
    ],
    [{ audience: null }, '/audience', 'is asked of every signed token'],
    [
      { issuer: 'https://token.actions.githubusercontent.com' },
      '/requiredClaims',
      'anybody can get a token of this issuer: name claims that must hold',
    ],
    [{ owner: { id: 'own_0' } }, '/owner/id', 'no such owner'],
    [{ api: 'https://none.test' }, '/api', 'no such api'],
  ])('cannot trust %j', async (more, pointer, detail) => {
    const body = { api, issuer: issuer.url, method: { discovery: true as const }, ...more };
    expect(problemOf(await admin.ask('issuers.create', { body }))).toMatchObject({
      status: 422,
      errors: [{ pointer, detail }],
    });
  });

  it('cannot delete an api that accepts an issuer', async () => {
    await trust();
    expect(problemOf(await admin.ask('apis.delete', { id: api }))).toMatchObject({
      status: 409,
      detail: 'the api accepts the tokens of an issuer',
    });
  });
});
