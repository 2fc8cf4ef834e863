/** Every reason for a refusal is reachable with a real token, and told to the caller of the verify endpoint. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, call, caller, newWorkspace, type Verdict, type Workspace } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { proofKey } from './support/proofs.ts';
import { endServers, type Server, startServer } from './support/server.ts';
import { until } from './support/until.ts';

/** Codes that need what a single node without an issuer does not have: keys of an issuer, and a store that is away. */
const ELSEWHERE = ['fault', 'signature_invalid'];

describe('verdicts', () => {
  let server: Server;
  let workspace: Workspace;
  let admin: Caller;
  const upstream = createServer((_request, response) => response.end('reached'));
  const seen = new Set<string>();

  beforeAll(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const { port } = upstream.address() as AddressInfo;
    server = await startServer({
      config: `
routes:
  - { name: open, match: { path: /open }, upstream: "http://127.0.0.1:${port}" }
  - name: personal
    match: { path: /personal }
    require: { kinds: [personal_access_token] }
    upstream: "http://127.0.0.1:${port}"
  - name: roles
    match: { path: /roles }
    require: { roles: [operator] }
    upstream: "http://127.0.0.1:${port}"
`,
    });
    workspace = await newWorkspace(server);
    ({ admin } = workspace);
  });
  afterAll(async () => {
    upstream.close();
    await endServers();
  });

  type More = Parameters<Caller['verify']>[1];
  const refused = async (token: string, code: string, more: More = {}): Promise<Verdict> => {
    const verdict = await admin.verify(token, more);
    expect(verdict).toMatchObject({ valid: false, code });
    seen.add(verdict.code);
    // Asking why gives the same code, and shows the check that refused.
    const explained = await admin.verify(token, { ...more, mode: 'explain' });
    if (code !== 'replayed' && code !== 'proof_invalid') {
      expect(explained.code).toBe(code);
      expect(explained.steps?.find(({ outcome }) => outcome === 'refused')).toMatchObject({ code });
    }
    return verdict;
  };

  it('is ok with who the token stands for', async () => {
    const role = await admin.do('roles.create', { body: { name: 'support', scopes: [] } });
    const owner = await admin.do('owners.create', { body: { type: 'customer', name: 'acme', roles: [role.id] } });
    const { token, id, api, expiresAt } = await admin.mint({ name: 'n', owner: owner.id, scopes: ['a', 'b'] });
    expect(await admin.verify(token, { scopes: ['a'], audience: 'default', env: 'live' })).toEqual({
      valid: true,
      code: 'ok',
      kind: 'api_key',
      id,
      name: 'n',
      owner: owner.id,
      ownerType: 'customer',
      roles: ['support'],
      api,
      audience: 'default',
      env: 'live',
      scopes: ['a', 'b'],
      expiresAt,
      limits: [],
    });
    expect((await admin.verify(token, { audience: api })).valid).toBe(true);
  });

  it('malformed, without a look-up', async () => {
    const { token } = await admin.mint();
    const lookups = async () =>
      (await metric(server, 'tessera_verify_cache_requests_total{outcome="miss"}')) +
      (await metric(server, 'tessera_verify_cache_requests_total{outcome="hit"}'));
    await admin.verify(token);
    const before = await lookups();
    const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    expect(await admin.verify(wrong)).toMatchObject({ valid: false, code: 'malformed' });
    // The one look-up is that of the caller's own token.
    expect(await lookups()).toBe(before + 1);
    await refused(wrong, 'malformed');
  });

  it('unknown, and no word about whose it could be', async () => {
    const verdict = await refused(generate({ prefix: 'tsr', environment: 'live' }), 'unknown');
    expect(verdict).toEqual({ valid: false, code: 'unknown' });
  });

  it('revoked, suspended, disabled, owner_disabled', async () => {
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o' } });
    const { token, id } = await admin.mint({ owner: owner.id });
    await admin.do('owners.update', { id: owner.id, body: { enabled: false } });
    await refused(token, 'owner_disabled');
    await admin.do('tokens.update', { id, body: { enabled: false } });
    await refused(token, 'disabled');
    const { root } = workspace;
    await root.do('workspaces.update', { id: workspace.id, body: { enabled: false } });
    expect((await root.verify(token)).code).toBe('suspended');
    seen.add('suspended');
    await root.do('workspaces.update', { id: workspace.id, body: { enabled: true } });
    await admin.do('tokens.revoke', { id });
    await refused(token, 'revoked');
  });

  it('rotated, expired, not_yet_valid', async () => {
    const { token, id } = await admin.mint();
    await admin.do('tokens.rotate', { id, body: { graceSeconds: 0 } });
    await refused(token, 'rotated');
    const short = await admin.mint({ expiresIn: 1 });
    await until(
      () => admin.verify(short.token),
      ({ code }) => code === 'expired',
    );
    await refused(short.token, 'expired');
    const notBefore = new Date(Date.now() + 60_000).toISOString();
    await refused((await admin.mint({ notBefore })).token, 'not_yet_valid');
  });

  it('wrong_audience, wrong_environment, insufficient_scope', async () => {
    const { token } = await admin.mint({ scopes: ['a'], env: 'test' });
    await refused(token, 'wrong_audience', { audience: 'https://else.test' });
    await refused(token, 'wrong_environment', { env: 'live' });
    expect(await refused(token, 'insufficient_scope', { scopes: ['a', 'b', 'c'] })).toMatchObject({
      detail: 'missing scope: b c',
      missingScopes: ['b', 'c'],
    });
  });

  it('proof_required, proof_invalid, replayed', async () => {
    const key = await proofKey();
    const { token } = await admin.mint({ boundKey: key.thumbprint });
    const of = (proof: string, path = '/orders'): More => ({
      request: { method: 'GET', host: 'api.test', path, headers: { DPoP: proof } },
    });
    const asked = { method: 'GET', url: 'https://api.test/orders' };
    await refused(token, 'proof_required');
    await refused(token, 'proof_required', { request: { method: 'GET', host: 'api.test', path: '/orders' } });
    const invalid = [
      await key.prove(token, { ...asked, method: 'POST' }),
      await key.prove(token, { ...asked, url: 'https://api.test/other' }),
      await key.prove(token, { ...asked, url: 'https://else.test/orders' }),
      await key.prove(`${token}x`, asked),
      await key.prove(token, asked, { iat: Math.floor(Date.now() / 1000) - 120 }),
      await (await proofKey()).prove(token, asked),
      'not a proof',
    ];
    for (const proof of invalid) await refused(token, 'proof_invalid', of(proof));
    const proof = await key.prove(token, asked);
    expect((await admin.verify(token, { ...of(proof), mode: 'explain' })).valid).toBe(true);
    expect((await admin.verify(token, of(proof, '/orders?page=2'))).code).toBe('ok');
    await refused(token, 'replayed', of(proof));
  });

  it('ip_denied: by the token, by a role, where the address is unknown, and IPv4-mapped as IPv4', async () => {
    const from = (ip: string): More => ({ request: { ip } });
    const { token } = await admin.mint({ ip: { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.6.6.6'] } });
    await refused(token, 'ip_denied', from('192.0.2.1'));
    await refused(token, 'ip_denied', from('10.6.6.6'));
    await refused(token, 'ip_denied', from('::ffff:10.6.6.6'));
    await refused(token, 'ip_denied', from('2001:db9::1'));
    await refused(token, 'ip_denied', from('no address'));
    await refused(token, 'ip_denied');
    for (const ip of ['10.0.0.5', '::ffff:10.0.0.5', '::ffff:a00:5', '2001:0DB8:0::1']) {
      expect((await admin.verify(token, from(ip))).code, ip).toBe('ok');
    }
    const body = { name: 'inside', scopes: [], ip: { allow: ['192.0.2.0/24'] } };
    const role = await admin.do('roles.create', { body });
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o', roles: [role.id] } });
    const ofOwner = await admin.mint({ owner: owner.id });
    expect((await admin.verify(ofOwner.token, from('192.0.2.9'))).code).toBe('ok');
    expect((await refused(ofOwner.token, 'ip_denied', from('10.0.0.5'))).detail).toMatch(/role inside/);
    await admin.do('roles.update', { id: role.id, body: { ip: { deny: ['192.0.2.9'] } } });
    await refused(ofOwner.token, 'ip_denied', from('192.0.2.9'));
  });

  it('rate_limited, quota_exceeded: with the state of what is used up', async () => {
    const limited = await admin.mint({ limits: [{ name: 'hourly', limit: 1, window: 3600 }] });
    expect((await admin.verify(limited.token)).limits).toMatchObject([{ name: 'hourly', limit: 1, remaining: 0 }]);
    const verdict = await refused(limited.token, 'rate_limited');
    expect(verdict.limits).toMatchObject([{ name: 'hourly', limit: 1, remaining: 0 }]);
    expect(verdict.retryAfterSeconds).toBeGreaterThan(3500);
    const { token } = await admin.mint({ quota: { limit: 1, period: 'day' } });
    expect((await admin.verify(token)).limits).toMatchObject([{ name: 'quota-day', limit: 1, remaining: 0 }]);
    const exceeded = await refused(token, 'quota_exceeded');
    expect(exceeded.limits).toMatchObject([{ name: 'quota-day', remaining: 0 }]);
  });

  it('at the gateway: missing, duplicate_credentials, policy_denied', async () => {
    const gateway = { url: server.gateway };
    const { token } = await caller(server, server.rootToken).mint();
    expect((await call(gateway, 'GET /open', { token })).text).toBe('reached');
    const answers = {
      missing: await call(gateway, 'GET /open'),
      duplicate_credentials: await call(gateway, 'GET /open', { token, headers: { 'X-API-Key': token } }),
      policy_denied: await call(gateway, 'GET /personal', { token }),
    };
    const statuses = { missing: 401, duplicate_credentials: 400, policy_denied: 403 };
    for (const [code, answer] of Object.entries(answers)) {
      expect(answer.body).toMatchObject({ code, status: statuses[code as keyof typeof statuses] });
      seen.add(code);
    }
    expect((await call(gateway, 'GET /roles', { token })).body.code).toBe('policy_denied');
    const series = 'tessera_verifications_total{door="gateway",result="policy_denied"}';
    expect(await metric(server, series)).toBe(2);
  });

  it('has every code of the reference', async () => {
    const codes = [
      ...['missing', 'duplicate_credentials', 'malformed', 'unknown', 'disabled', 'owner_disabled', 'expired'],
      ...['not_yet_valid', 'revoked', 'rotated', 'wrong_environment', 'wrong_audience', 'signature_invalid'],
      ...['proof_required', 'proof_invalid', 'replayed', 'insufficient_scope', 'ip_denied', 'policy_denied'],
      ...['rate_limited', 'quota_exceeded', 'suspended', 'fault'],
    ];
    expect([...seen, ...ELSEWHERE].sort()).toEqual(codes.sort());
    const { text } = await call(server, 'GET /metrics');
    for (const code of codes) expect(text).toContain(`{door="verify",result="${code}"}`);
  });

  it('explains every step in order, also beyond the first refusal, and spends nothing', async () => {
    const limits = [{ name: 'l', limit: 1, window: 3600 }];
    const { token } = await admin.mint({ limits, quota: { limit: 1, period: 'month' }, ip: { allow: ['10.0.0.1'] } });
    const more: More = { mode: 'explain', scopes: ['x'], request: { ip: '10.0.0.2' } };
    for (let again = 0; again < 3; again += 1) {
      const { code, steps } = await admin.verify(token, more);
      expect(code).toBe('insufficient_scope');
      expect(steps?.map(({ step, check, outcome, code }) => [step, check, outcome, code])).toEqual([
        ['presence', 'presence', 'passed', undefined],
        ['validation', 'recognised', 'passed', undefined],
        ['validation', 'condition', 'passed', undefined],
        ['validation', 'possession', 'passed', undefined],
        ['authorization', 'scopes', 'refused', 'insufficient_scope'],
        ['policy', 'address', 'refused', 'ip_denied'],
        ['policy', 'rules', 'passed', undefined],
        ['policy', 'concurrency', 'passed', undefined],
        ['policy', 'limits', 'passed', undefined],
        ['policy', 'quotas', 'passed', undefined],
      ]);
    }
    const at = { request: { ip: '10.0.0.1' } };
    expect((await admin.verify(token, { ...at, mode: 'explain' })).valid).toBe(true);
    expect((await admin.verify(token, at)).valid).toBe(true);
    expect((await admin.verify(token, at)).code).toBe('rate_limited');
  });

  it('keeps the order of a batch, and judges each item for itself', async () => {
    const { token } = await admin.mint({ limits: [{ name: 'l', limit: 2, window: 3600 }] });
    const other = await admin.mint({ scopes: ['a'] });
    const items = [
      { token },
      { token: 'garbage' },
      { token },
      { token: other.token, scopes: ['b'] },
      { token },
      { token: other.token, scopes: ['a'] },
    ];
    const answer = await admin.do('verify.batch', { body: { items } });
    expect(answer.items.map(({ code }) => code)).toEqual([
      'ok',
      'malformed',
      'ok',
      'insufficient_scope',
      'rate_limited',
      'ok',
    ]);
  });

  it('is never used for another question than the one it was the answer to', async () => {
    const { token } = await admin.mint({ scopes: ['foo'], ip: { allow: ['10.0.0.1'] } });
    const request = { ip: '10.0.0.1' };
    expect((await admin.verify(token, { request, scopes: ['foo'] })).code).toBe('ok');
    expect((await admin.verify(token, { request, scopes: ['bar'] })).code).toBe('insufficient_scope');
    expect((await admin.verify(token, { request, audience: 'tessera' })).code).toBe('wrong_audience');
    expect((await admin.verify(token, { request, env: 'test' })).code).toBe('wrong_environment');
    expect((await admin.verify(token, { request: { ip: '10.0.0.2' }, scopes: ['foo'] })).code).toBe('ip_denied');
  });
});
