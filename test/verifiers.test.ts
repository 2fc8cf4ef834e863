/** A verifier in another process than the server hears of every change, and believes nothing that it cannot know. */
import { hash } from 'node:crypto';
import { generate } from '@tessera/token';
import { createVerifier, type RemoteVerifier, type VerifierOptions } from '@tessera/verify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { call, newWorkspace, together, type Workspace } from './support/call.ts';
import { freePort } from './support/free-port.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';
import { codeOf, untilCode } from './support/verifier.ts';

const verifiers = new Set<RemoteVerifier>();

/** A verifier of a workspace, which has news. */
async function verifierOf(
  { url }: Pick<Server, 'url'>,
  { scoped }: Workspace,
  more: Partial<VerifierOptions> = {},
): Promise<RemoteVerifier> {
  const { token } = await scoped('verify');
  const verifier = createVerifier({ url, token, audience: 'default', ...more });
  verifiers.add(verifier);
  await verifier.ready();
  return verifier;
}

afterEach(async () => {
  await Promise.all([...verifiers].map((verifier) => verifier.close()));
  verifiers.clear();
});
afterAll(endServers);

describe('of what a verifier has in memory', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });

  type Change = (
    workspace: Workspace,
    made: { token: string; owner: string; role: string; api: string },
  ) => Promise<unknown>;

  it.each<[string, string, Change]>([
    ['a revoked token', 'revoked', ({ admin }, { token }) => admin.do('tokens.revoke', { id: token })],
    [
      'a disabled token',
      'disabled',
      ({ admin }, { token }) => admin.do('tokens.update', { id: token, body: { enabled: false } }),
    ],
    [
      'a token with fewer scopes',
      'insufficient_scope',
      ({ admin }, { token }) => admin.do('tokens.update', { id: token, body: { scopes: [] } }),
    ],
    [
      'a rotated secret without grace',
      'rotated',
      ({ admin }, { token }) => admin.do('tokens.rotate', { id: token, body: { graceSeconds: 0 } }),
    ],
    [
      'the token of a disabled owner',
      'owner_disabled',
      ({ admin }, { owner }) => admin.do('owners.update', { id: owner, body: { enabled: false } }),
    ],
    [
      'the token of an owner that lost a role',
      'insufficient_scope',
      ({ admin }, { owner }) => admin.do('owners.update', { id: owner, body: { roles: [] } }),
    ],
    [
      'a token whose role lost a scope',
      'insufficient_scope',
      ({ admin }, { role }) => admin.do('roles.update', { id: role, body: { scopes: [] } }),
    ],
    [
      'a token whose role has other addresses',
      'ip_denied',
      ({ admin }, { role }) => admin.do('roles.update', { id: role, body: { ip: { allow: ['10.0.0.0/8'] } } }),
    ],
    [
      'a token whose api lost a scope',
      'insufficient_scope',
      ({ admin }, { api }) => admin.do('apis.update', { id: api, body: { scopes: { 'orders:write': '' } } }),
    ],
    [
      'the token of a suspended workspace',
      'fault',
      ({ root, id }) => root.do('workspaces.update', { id, body: { enabled: false } }),
    ],
  ])('%s is denied as %s, as soon as the feed tells', async (_, code, change) => {
    const workspace = await newWorkspace(server);
    const { admin } = workspace;
    const api = await admin.do('apis.create', {
      body: {
        name: 'orders',
        audience: 'https://orders.example.test',
        prefix: 'ord',
        scopes: { 'orders:read': '', 'orders:write': '' },
      },
    });
    const role = await admin.do('roles.create', { body: { name: 'clerk', scopes: ['orders:read'] } });
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'ana', roles: [role.id] } });
    const minted = await admin.mint({
      api: api.id,
      owner: owner.id,
      kind: 'personal_access_token',
      scopes: ['orders:read'],
    });
    const verifier = await verifierOf(server, workspace, {
      audience: 'https://orders.example.test',
      scopes: ['orders:read'],
    });
    expect(await codeOf(verifier, minted.token)).toBe('ok');
    expect(await codeOf(verifier, minted.token)).toBe('ok');
    expect(verifier.metrics()).toMatchObject({ hits: 1, misses: 1, rechecks: 0 });
    await change(workspace, { token: minted.id, owner: owner.id, role: role.id, api: api.id });
    await until(
      () => codeOf(verifier, minted.token),
      (now) => now !== 'ok',
    );
    expect(await codeOf(verifier, minted.token)).toBe(code);
    // It was told, and did not merely doubt.
    if (code !== 'fault') expect(verifier.metrics().rechecks).toBe(0);
  });

  it('a token of another workspace is unknown, as one that nobody has', async () => {
    const verifier = await verifierOf(server, await newWorkspace(server));
    const { token } = await (await newWorkspace(server)).admin.mint();
    expect(await codeOf(verifier, token)).toBe('unknown');
  });

  it('a new token is known at once, also where it was unknown a moment ago', async () => {
    const workspace = await newWorkspace(server);
    const verifier = await verifierOf(server, workspace);
    const { token } = await workspace.admin.mint();
    expect(await codeOf(verifier, token)).toBe('ok');
    // An imported one alone has a text before it is there.
    const text = generate({ prefix: 'old', environment: 'live' });
    // From memory as soon as the feed has told of the other one, which makes it ask once more.
    await until(
      async () => {
        expect(await codeOf(verifier, text)).toBe('unknown');
        return verifier.metrics().absent;
      },
      (absent) => absent > 0,
    );
    expect(verifier.metrics()).toMatchObject({ absent: 1, cachedAbsent: 1 });
    const digest = hash('sha256', text, 'hex');
    await workspace.admin.do('tokens.import', {
      body: { items: [{ name: 'old', scopes: [], digest, algorithm: 'sha256', prefix: 'old_' }] },
    });
    // Sooner than it would be asked for again anyway.
    await until(
      () => codeOf(verifier, text),
      (code) => code === 'ok',
      5000,
    );
  });

  it('fifty unknown tokens at once cost one call', async () => {
    const workspace = await newWorkspace(server);
    const minted = await together(50, () => workspace.admin.mint());
    const verifier = await verifierOf(server, workspace);
    // What imported tokens look like is asked for at the start.
    await until(
      async () => verifier.metrics().lookups,
      (lookups) => lookups > 0,
    );
    const before = verifier.metrics().lookups;
    expect(new Set(await Promise.all(minted.map(({ token }) => codeOf(verifier, token))))).toEqual(new Set(['ok']));
    expect(verifier.metrics().lookups).toBe(before + 1);
  });

  it('nothing is left where its own token is revoked', async () => {
    const workspace = await newWorkspace(server);
    const { token } = await workspace.admin.mint();
    const own = await workspace.root.mint({ api: 'tessera', scopes: ['verify'] });
    const verifier = createVerifier({ url: server.url, token: own.token, audience: 'default' });
    verifiers.add(verifier);
    await verifier.ready();
    expect(await codeOf(verifier, token)).toBe('ok');
    await workspace.admin.do('tokens.revoke', { id: own.id });
    await untilCode(verifier, token, 'fault');
    expect(verifier.metrics().cached).toBe(0);
  });

  it('limits and quotas are exact over all verifiers', async () => {
    const workspace = await newWorkspace(server);
    const limited = await workspace.admin.mint({ limits: [{ name: 'slow', limit: 10, window: 3600 }] });
    const paid = await workspace.admin.mint({ quota: { limit: 7, period: 'month' } });
    const both = await Promise.all([verifierOf(server, workspace), verifierOf(server, workspace)]);
    const tally = async (token: string): Promise<Record<string, number>> => {
      const codes = await together(30, (index) => codeOf(both[index % 2] ?? both[0], token));
      return Object.fromEntries([...new Set(codes)].map((code) => [code, codes.filter((one) => one === code).length]));
    };
    expect(await tally(limited.token)).toEqual({ ok: 10, rate_limited: 20 });
    expect(await tally(paid.token)).toEqual({ ok: 7, quota_exceeded: 23 });
  });

  it('every verdict is counted once, and the last use is known', async () => {
    const workspace = await newWorkspace(server);
    const { token, id } = await workspace.admin.mint({ scopes: ['a:b'] });
    const verifier = await verifierOf(server, workspace, { scopes: ['a:b'] });
    for (let time = 0; time < 20; time += 1) expect(await codeOf(verifier, token)).toBe('ok');
    for (let time = 0; time < 5; time += 1) expect(await codeOf(verifier, token, { address: '10.0.0.1' })).toBe('ok');
    await verifier.close();
    expect(verifier.metrics()).toMatchObject({ usageWaiting: 0, usageLost: 0 });
    const { items } = await workspace.admin.do('tokens.usage', { id });
    expect(items.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(25);
    expect((await workspace.admin.do('tokens.get', { id })).lastUsedAt).not.toBeNull();
  });

  it('the first use of a new secret starts the grace of the old one', async () => {
    const workspace = await newWorkspace(server);
    const { id, token } = await workspace.admin.mint();
    const { token: next } = await workspace.admin.do('tokens.rotate', {
      id,
      body: { activate: 'first-use', graceSeconds: 0 },
    });
    const verifier = await verifierOf(server, workspace);
    expect(await codeOf(verifier, token)).toBe('ok');
    expect(await codeOf(verifier, next)).toBe('ok');
    await untilCode(verifier, token, 'rotated');
    expect(await codeOf(verifier, next)).toBe('ok');
  });

  it('the server knows how far it has heard', async () => {
    const workspace = await newWorkspace(server);
    const verifier = await verifierOf(server, workspace);
    const { id } = await workspace.admin.mint();
    await workspace.admin.do('tokens.revoke', { id });
    const { items } = await workspace.admin.do('changes.list');
    const target = `GET /v1/changes/${items.at(-1)?.seq}/confirmations` as const;
    await until(
      () => call(server, target, { token: workspace.admin.token }),
      ({ body }) => JSON.stringify(body.verifiers) === '{"confirmed":1,"total":1}',
    );
    expect(verifier.id).toMatch(/^vrf_[0-9a-f]{32}$/);
    // Closed, it counts no more: nobody waits for it.
    await verifier.close();
    expect((await call(server, target, { token: workspace.admin.token })).body.verifiers).toEqual({
      confirmed: 0,
      total: 0,
    });
  });
});

describe('without the server', () => {
  it(
    'a verifier believes its memory until the bound, denies after it, and goes on where it was once the server is back',
    async () => {
      const env = { TESSERA_PORT: String(await freePort()) };
      const first = await startServer({ env });
      const workspace = await newWorkspace(first);
      const { token, id } = await workspace.admin.mint();
      const other = await workspace.admin.mint();
      const verifier = await verifierOf(first, workspace, { stalenessMs: 3000 });
      const daring = await verifierOf(first, workspace, { stalenessMs: 3000, dangerouslyServeStaleForMs: 60_000 });
      for (const one of [verifier, daring]) expect(await codeOf(one, token)).toBe('ok');
      expect(await codeOf(verifier, other.token)).toBe('ok');
      await first.kill();
      const codes = await until(
        async () => ({ code: await codeOf(verifier, token), lag: verifier.metrics().lagSeconds }),
        ({ code }) => code !== 'ok',
      );
      expect(codes).toMatchObject({ code: 'fault' });
      expect(codes.lag).toBeGreaterThan(3);
      // Who asked for it by its name goes on with what it knows, and with nothing else.
      await until(
        async () => daring.metrics().lagSeconds,
        (lag) => lag > 3,
      );
      expect([await codeOf(daring, token), await codeOf(daring, other.token)]).toEqual(['ok', 'fault']);
      expect(daring.metrics().servedStale).toBe(1);
      const second = await startServer({ data: first.data, rootToken: first.rootToken, env });
      expect(second.url).toBe(first.url);
      // Before it has news again, the server is asked.
      await untilCode(verifier, token, 'ok');
      await workspace.admin.do('tokens.revoke', { id });
      for (const one of [verifier, daring]) await untilCode(one, token, 'revoked');
      expect(await codeOf(verifier, other.token)).toBe('ok');
    },
    STARTS_MS,
  );

  it(
    'a frozen server is no server, and what it had sent before proves nothing later',
    async () => {
      const server = await startServer();
      const workspace = await newWorkspace(server);
      const { token } = await workspace.admin.mint();
      const verifier = await verifierOf(server, workspace, { stalenessMs: 2500, timeoutMs: 500 });
      // A busy machine may take longer than that the first time.
      await untilCode(verifier, token, 'ok');
      server.signal('SIGSTOP');
      await untilCode(verifier, token, 'fault');
      expect(verifier.metrics().lagSeconds).toBeGreaterThan(2.5);
      server.signal('SIGCONT');
      await untilCode(verifier, token, 'ok');
      await until(
        async () => verifier.metrics().lagSeconds,
        (lag) => lag < 2,
      );
    },
    STARTS_MS,
  );

  it(
    'counts wait for it, and are counted once',
    async () => {
      const env = { TESSERA_PORT: String(await freePort()) };
      const first = await startServer({ env });
      const workspace = await newWorkspace(first);
      const { token, id } = await workspace.admin.mint();
      const verifier = await verifierOf(first, workspace);
      for (let time = 0; time < 10; time += 1) expect(await codeOf(verifier, token)).toBe('ok');
      await first.kill();
      for (let time = 0; time < 10; time += 1) expect(await codeOf(verifier, token)).toBe('ok');
      await startServer({ data: first.data, rootToken: first.rootToken, env });
      await until(
        async () => verifier.metrics().usageWaiting,
        (waiting) => waiting === 0,
      );
      await verifier.close();
      const { items } = await workspace.admin.do('tokens.usage', { id });
      expect(items.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(20);
    },
    STARTS_MS,
  );
});
