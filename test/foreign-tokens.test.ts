/** Tokens of other issuers are accepted where a workspace says so, on its terms, at every door. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, newWorkspace, problemOf } from './support/call.ts';
import { type Minting, newIssuerKey } from './support/issuer.ts';
import { endServers, STARTS_MS } from './support/server.ts';
import { AUDIENCE, startTrusting, type Trusting } from './support/trusting.ts';

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

describe('a token of an issuer that is trusted', () => {
  it('is told who it is, by whom, and what it may do here', async () => {
    await trust();
    const token = mint({ claims: { scope: 'orders:read orders:fly', sub: 'build-7', jti: 'one' } });
    const verdict = await admin.verify(token, { audience: AUDIENCE, scopes: ['orders:read'] });
    expect(verdict).toMatchObject({
      valid: true,
      code: 'ok',
      kind: 'access_token',
      issuer: issuer.url,
      subject: 'build-7',
      name: 'build-7',
      owner: null,
      api,
      audience: AUDIENCE,
      scopes: ['orders:read'],
      limits: [],
    });
    expect(verdict.id).toMatch(/^ext_[0-9a-z]{26}$/);
    expect(await codeOf(token, { scopes: ['orders:write'] })).toBe('insufficient_scope');
    // The same token in another spelling of its claims is the same token, and that of another issuer is another.
    const again = mint({ claims: { scope: 'orders:read', sub: 'build-7', jti: 'one' } });
    expect((await admin.verify(again)).id).toBe(verdict.id);
    await trust({ issuer: other.url });
    const foreign = other.mint(AUDIENCE, { claims: { sub: 'build-7', jti: 'one' } });
    const others = await admin.verify(foreign);
    expect(others).toMatchObject({ code: 'ok', issuer: other.url });
    expect(others.id).not.toBe(verdict.id);
  });

  it('passes the gateway and forward-auth as any other', async () => {
    await trust();
    const token = mint({ claims: { scope: 'orders:read' } });
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(`${server.gateway}/orders/1`, { headers });
    expect(answer.status).toBe(200);
    const forwarded = (await answer.json()) as Record<string, string>;
    expect(forwarded['x-tessera-scopes']).toBe('orders:read');
    expect(forwarded['x-tessera-token-id']).toMatch(/^ext_/);
    expect(JSON.stringify(forwarded)).not.toContain(token);
    const asked = {
      ...headers,
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Host': 'x.test',
      'X-Forwarded-Uri': '/orders/1',
    };
    expect((await call(server, 'GET /forward-auth', { headers: asked })).status).toBe(200);
    const bad = await fetch(`${server.gateway}/orders/1`, { headers: { Authorization: `Bearer ${mint()}` } });
    expect(bad.status).toBe(403);
  });

  it('is nobody to the management API, and none of another workspace', async () => {
    await trust();
    const token = mint({ claims: { scope: 'admin' } });
    expect(problemOf(await caller(server, token).ask('tokens.list')).code).toBe('signature_invalid');
    expect((await admin.verify(token)).code).toBe('ok');
    const stranger = await newWorkspace(server);
    expect((await stranger.admin.verify(token)).code).toBe('signature_invalid');
    const refused = await admin.ask('issuers.create', {
      body: { api: 'tessera', issuer: issuer.url, method: { discovery: true } },
    });
    expect(problemOf(refused)).toMatchObject({
      status: 422,
      errors: [{ pointer: '/api', detail: 'the management API takes no tokens of other issuers' }],
    });
  });
});

describe('is refused', () => {
  const now = () => Math.floor(Date.now() / 1000);
  const cases: ReadonlyArray<readonly [what: string, code: string, minting: () => Minting]> = [
    ['for another audience', 'wrong_audience', () => ({ claims: { aud: 'https://other.test' } })],
    ['without audience', 'wrong_audience', () => ({ claims: { aud: undefined } })],
    ['that ended 61 seconds ago', 'expired', () => ({ claims: { exp: now() - 61 } })],
    ['that begins in 80 seconds', 'not_yet_valid', () => ({ claims: { nbf: now() + 80 } })],
    ['that was made in 80 seconds', 'not_yet_valid', () => ({ claims: { iat: now() + 80 } })],
    ['without exp', 'malformed', () => ({ claims: { exp: undefined } })],
    ['without iat', 'malformed', () => ({ claims: { iat: undefined } })],
    ['without sub', 'malformed', () => ({ claims: { sub: undefined } })],
    ['whose exp is a text', 'malformed', () => ({ claims: { exp: String(now() + 600) } })],
    ['that is an ID token', 'malformed', () => ({ header: { typ: 'JWT' } })],
    ['without typ', 'malformed', () => ({ header: { typ: undefined } })],
    ['that brings its key along', 'malformed', () => ({ header: { jwk: newIssuerKey().jwk } })],
    ['that says where its keys are', 'malformed', () => ({ header: { jku: `${other.url}/keys` } })],
    ['with a critical extension', 'malformed', () => ({ header: { crit: ['x'], x: 1 } })],
    ['without kid', 'malformed', () => ({ header: { kid: undefined } })],
    ['that names another algorithm', 'malformed', () => ({ header: { alg: 'HS256' } })],
    ['bound to what is not checked', 'malformed', () => ({ claims: { cnf: { 'x5t#S256': 'x' } } })],
    ['signed with a key that is not published', 'signature_invalid', () => ({ key: newIssuerKey() })],
    [
      'signed with a stranger’s key under a published name',
      'signature_invalid',
      () => ({ key: newIssuerKey(), header: { kid: issuer.keys[0]?.kid } }),
    ],
    ['of an issuer that nobody trusts', 'signature_invalid', () => ({ claims: { iss: 'https://evil.test' } })],
    ['of an issuer whose name is nearly the same', 'signature_invalid', () => ({ claims: { iss: `${issuer.url}/` } })],
  ];
  it.each(cases)('one %s: %s', async (_what, code, minting) => {
    await trust();
    expect(await codeOf(mint(minting()), { audience: AUDIENCE })).toBe(code);
    expect(other.asked.filter((path) => path === '/keys')).toEqual(
      other.asked.filter((path) => path === '/keys').slice(0, 1),
    );
  });

  it('one without alg, or with an empty signature', async () => {
    await trust();
    const [head = '', claims = ''] = mint().split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'x' })).toString('base64url');
    expect(await codeOf(`${none}.${claims}.`)).toBe('malformed');
    expect(await codeOf(`${head}.${claims}.`)).toBe('signature_invalid');
  });

  it('one that is bound to a key, where no proof comes with it', async () => {
    await trust();
    expect(await codeOf(mint({ claims: { cnf: { jkt: 'A'.repeat(43) } } }))).toBe('proof_required');
  });

  it('an algorithm or a type that the trust does not name', async () => {
    const { id } = await trust({ algorithms: ['RS256'] });
    expect(await codeOf(mint())).toBe('malformed');
    await admin.do('issuers.update', { id, body: { algorithms: ['ES256'], tokenTypes: ['JWT', 'absent'] } });
    expect(await codeOf(mint())).toBe('malformed');
    expect(await codeOf(mint({ header: { typ: 'application/jwt' } }))).toBe('ok');
    expect(await codeOf(mint({ header: { typ: undefined } }))).toBe('ok');
    expect(await codeOf(mint({ header: { typ: 'absent' } }))).toBe('malformed');
  });

  it('claims that the trust does not name', async () => {
    await trust({
      requiredClaims: {
        repository: ['acme/shop', 'acme/web'],
        prod: true,
        groups: 'deploy',
        '/kubernetes.io/namespace': 'ci',
      },
    });
    const claims = {
      repository: 'acme/web',
      prod: true,
      groups: ['build', 'deploy'],
      'kubernetes.io': { namespace: 'ci' },
    };
    expect(await codeOf(mint({ claims }))).toBe('ok');
    for (const wrong of [
      { repository: 'acme/web2' },
      { repository: ['acme/web2'] },
      { repository: undefined },
      { prod: 'true' },
      { groups: ['build'] },
      { 'kubernetes.io': { namespace: 'default' } },
      { 'kubernetes.io': ['ci'] },
      { 'kubernetes.io': undefined },
    ])
      expect(await codeOf(mint({ claims: { ...claims, ...wrong } }))).toBe('unknown');
  });
});

describe('what a token may do', () => {
  it('is what the rules grant together, and never more than the api defines', async () => {
    await trust({
      scopes: [
        { scopes: ['orders:read'], when: { ref: 'refs/heads/main' } },
        { claim: 'roles', map: { deployer: ['orders:write', 'orders:delete'] } },
        { claim: 'scp', prefix: 'api://' },
      ],
    });
    const scopesOf = async (claims: object) => (await admin.verify(mint({ claims: { ...claims } }))).scopes;
    expect(await scopesOf({})).toEqual([]);
    expect(await scopesOf({ ref: 'refs/heads/main' })).toEqual(['orders:read']);
    expect(await scopesOf({ roles: ['deployer', 'toString'] })).toEqual(['orders:write']);
    expect(await scopesOf({ scp: 'api://orders:read orders:write api://orders:fly' })).toEqual(['orders:read']);
    expect(await scopesOf({ ref: 'refs/heads/main', roles: 'deployer', scope: 'x' })).toEqual([
      'orders:read',
      'orders:write',
    ]);
  });

  it('ends so long after it was issued as the trust says', async () => {
    await trust({ maxLifetimeSeconds: 100 });
    const now = Math.floor(Date.now() / 1000);
    expect(await codeOf(mint({ claims: { iat: now - 200, exp: now + 600 } }))).toBe('expired');
    const { expiresAt } = await admin.verify(mint({ claims: { iat: now, exp: now + 600 } }));
    expect(Date.parse(expiresAt ?? '')).toBe((now + 100) * 1000);
  });

  it('is decided by the oldest trust that takes it', async () => {
    await trust({ requiredClaims: { repo: 'a' }, scopes: [{ scopes: ['orders:read'] }] });
    await trust({ requiredClaims: { repo: 'b' }, scopes: [{ scopes: ['orders:write'] }] });
    await trust({ scopes: [] });
    const scopesOf = async (repo: string) => (await admin.verify(mint({ claims: { repo } }))).scopes;
    expect([await scopesOf('a'), await scopesOf('b'), await scopesOf('c')]).toEqual([
      ['orders:read'],
      ['orders:write'],
      [],
    ]);
  });
});

describe('whom a token stands for', () => {
  it('is an owner of ours, with its roles, and as long as it is enabled', async () => {
    const role = await admin.do('roles.create', { body: { name: 'deployer', scopes: [] } });
    const owner = await admin.do('owners.create', {
      body: {
        type: 'service',
        name: 'ci',
        roles: [role.id],
        quota: { limit: 5, period: 'day' },
        metadata: { repo: 'acme/"shop' },
      },
    });
    await trust({ owner: { claim: 'repository', metadata: 'repo' } });
    const token = mint({ claims: { repository: 'acme/"shop' } });
    expect(await admin.verify(token)).toMatchObject({
      code: 'ok',
      owner: owner.id,
      ownerType: 'service',
      roles: ['deployer'],
      limits: [{ name: 'owner-quota-day', limit: 5, remaining: 4 }],
    });
    for (const repository of ['acme/"SHOP', 'acme/"sho', '%', '', undefined, 1])
      expect(await codeOf(mint({ claims: { repository } }))).toBe('unknown');
    await admin.do('owners.update', { id: owner.id, body: { enabled: false } });
    expect(await codeOf(token)).toBe('owner_disabled');
    await admin.do('owners.update', { id: owner.id, body: { enabled: true } });
    expect(await codeOf(token)).toBe('ok');
    const twin = await admin.do('owners.create', {
      body: { type: 'service', name: 'twin', metadata: { repo: 'acme/"shop' } },
    });
    // Whose it is cannot be told any more: what is kept may be used up to a minute, what comes new is refused.
    expect(await codeOf(mint({ claims: { repository: 'acme/"shop' } }))).toBe('unknown');
    for (const { id } of [owner, twin]) await admin.do('owners.delete', { id });
    expect(await codeOf(token)).toBe('unknown');
  });

  it('may be named by its id, by the token or by the trust', async () => {
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o' } });
    const byClaim = await trust({ owner: { claim: 'tessera' } });
    expect(await admin.verify(mint({ claims: { tessera: owner.id } }))).toMatchObject({ owner: owner.id });
    expect(await codeOf(mint({ claims: { tessera: 'own_0' } }))).toBe('unknown');
    await admin.do('issuers.update', { id: byClaim.id, body: { owner: { id: owner.id } } });
    const token = mint();
    expect(await admin.verify(token)).toMatchObject({ owner: owner.id });
    await admin.do('owners.delete', { id: owner.id });
    expect(await codeOf(token)).toBe('owner_disabled');
  });
});
