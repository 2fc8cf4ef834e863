/** Three workers behind one port are one server: limits are exact over all of them, and what one was told holds in the others at once. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate } from '@tessera/token';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, together } from './support/call.ts';
import { type Connection, connections, type Told } from './support/connections.ts';
import { metric } from './support/metrics.ts';
import { proofKey } from './support/proofs.ts';
import {
  endServers,
  runToEnd,
  type Server,
  STARTS_MS,
  startServer,
  temporaryFolder,
  writeConfig,
} from './support/server.ts';
import { until } from './support/until.ts';

const WORKERS = { TESSERA_WORKERS: '3' };
/** The system deals connections out by a hash: of so many, each worker gets some. */
const CONNECTIONS = 50;

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function connect(origin: string, count = CONNECTIONS): readonly Connection[] {
  const made = connections(origin, count);
  opened.push(made);
  return made.all;
}

function count(told: readonly Told[], code: string): number {
  return told.filter(({ body }) => body.code === code).length;
}

describe('three workers', () => {
  let server: Server;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer({ env: { ...WORKERS, TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '20' } });
    ({ admin } = await newWorkspace(server));
  });
  afterAll(endServers);

  const verifying = (token: string, more = {}) => ({
    method: 'POST',
    path: '/v1/verify',
    headers: { Authorization: `Bearer ${admin.token}` },
    body: { token, ...more },
  });
  /** So many verifications, spread over connections, all at once. */
  const verify = (token: string, times: number, more = {}): Promise<Told[]> => {
    const all = connect(server.url);
    return together(times, async (index) => {
      const connection = all[index % all.length];
      if (connection === undefined) throw new Error('there are connections');
      return connection.ask(verifying(token, more));
    });
  };

  it('let exactly 100 of 500 pass together, and all rules or none count', async () => {
    const limits = [
      { name: 'narrow', limit: 100, window: 86_400 },
      { name: 'wide', limit: 400, window: 86_400 },
    ];
    const { token } = await admin.mint({ limits });
    const told = await verify(token, 500);
    expect(count(told, 'ok')).toBe(100);
    expect(count(told, 'rate_limited')).toBe(400);
    const { limits: states } = await admin.verify(token, { mode: 'explain' });
    expect(states?.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['narrow', 0],
      ['wide', 300],
    ]);
  });

  it('let exactly 100 of 500 pass at the gateway', async () => {
    const { token } = await caller(server, server.rootToken).mint({ limits: [{ limit: 100, window: 86_400 }] });
    const all = connect(server.gateway);
    const told = await together(500, (index) =>
      (all[index % all.length] as Connection).ask({
        path: '/echo',
        headers: { Authorization: `Bearer ${token}` },
      }),
    );
    const statuses = Map.groupBy(told, ({ status }) => status);
    expect([statuses.get(200)?.length, statuses.get(429)?.length]).toEqual([100, 400]);
  });

  it('share a quota exactly', async () => {
    const { token } = await admin.mint({ quota: { limit: 30, period: 'day' } });
    const told = await verify(token, 100);
    expect(count(told, 'ok')).toBe(30);
    expect(count(told, 'quota_exceeded')).toBe(70);
  });

  it('refuse a revoked token from the moment that the revocation is answered, on every connection', async () => {
    const all = connect(server.url, 24);
    let used = 0;
    for (let round = 0; round < 40; round += 1) {
      const { id, token } = await admin.mint();
      const before = await Promise.all(all.map((one) => one.ask(verifying(token))));
      expect(count(before, 'ok')).toBe(all.length);
      const revoked = await (all[round % all.length] as Connection).ask({
        method: 'POST',
        path: `/v1/tokens/${id}/revoke`,
        headers: { Authorization: `Bearer ${admin.token}` },
        body: {},
      });
      expect(revoked.status).toBe(200);
      const after = await Promise.all(all.map((one) => one.ask(verifying(token))));
      expect(count(after, 'revoked')).toBe(all.length);
      used += after.length;
    }
    expect(used).toBe(960);
  }, 120_000);

  it('follow every other change at once too: a disabled owner, a role, a rotation', async () => {
    const all = connect(server.url, 24);
    const codes = async (token: string) => {
      const told = await Promise.all(all.map((one) => one.ask(verifying(token))));
      return [...new Set(told.map(({ body }) => body.code))];
    };
    const role = await admin.do('roles.create', { body: { name: 'r', scopes: ['a'] } });
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o', roles: [role.id] } });
    const { id, token } = await admin.mint({ owner: owner.id });
    expect(await codes(token)).toEqual(['ok']);
    await admin.do('roles.update', { id: role.id, body: { ip: { allow: ['10.0.0.1'] } } });
    expect(await codes(token)).toEqual(['ip_denied']);
    await admin.do('roles.update', { id: role.id, body: { ip: {} } });
    expect(await codes(token)).toEqual(['ok']);
    await admin.do('owners.update', { id: owner.id, body: { enabled: false } });
    expect(await codes(token)).toEqual(['owner_disabled']);
    await admin.do('owners.update', { id: owner.id, body: { enabled: true } });
    expect(await codes(token)).toEqual(['ok']);
    await admin.do('tokens.rotate', { id, body: { graceSeconds: 0 } });
    expect(await codes(token)).toEqual(['rotated']);
  });

  it('mint one token for a key that is sent to all of them at once', async () => {
    const all = connect(server.url);
    const told = await Promise.all(
      all.map((one) =>
        one.ask({
          method: 'POST',
          path: '/v1/tokens',
          headers: { Authorization: `Bearer ${admin.token}`, 'Idempotency-Key': 'of-all-workers' },
          body: { name: 'once', scopes: [] },
        }),
      ),
    );
    expect(told.map(({ status }) => status)).toEqual(Array(CONNECTIONS).fill(201));
    expect(new Set(told.map(({ text }) => text)).size).toBe(1);
    expect((await admin.do('tokens.list', { query: { q: 'once' } })).items).toHaveLength(1);
  });

  it('accept a proof once, whichever of them it is shown to', async () => {
    const key = await proofKey();
    const { token } = await admin.mint({ boundKey: key.thumbprint });
    for (let round = 0; round < 5; round += 1) {
      const proof = await key.prove(token, { method: 'GET', url: 'https://api.test/orders' });
      const request = { method: 'GET', host: 'api.test', path: '/orders', headers: { DPoP: proof } };
      const told = await verify(token, CONNECTIONS, { request });
      expect([count(told, 'ok'), count(told, 'replayed')]).toEqual([1, CONNECTIONS - 1]);
    }
  });

  it('tell together, on any connection, what each of them counted', async () => {
    const series = 'tessera_verifications_total{door="verify",result="ok"}';
    const before = await metric(server, series);
    const { token } = await admin.mint();
    await verify(token, 200);
    const pages = await Promise.all(connect(server.url, 12).map((one) => one.ask({ path: '/metrics' })));
    expect(pages.map(({ text }) => valueIn(text, series))).toEqual(Array(12).fill(before + 200));
    const [page] = pages;
    expect(valueIn(page?.text ?? '', 'tessera_workers')).toBe(3);
    expect(valueIn(page?.text ?? '', 'tessera_worker_restarts_total')).toBe(0);
    expect(valueIn(page?.text ?? '', 'tessera_staleness_bound_seconds')).toBe(5);
    expect(page?.text.match(/^# TYPE process_resident_memory_bytes /gm)).toHaveLength(1);
    expect(page?.text.match(/^nodejs_eventloop_lag_p99_seconds /gm)).toHaveLength(1);
  });

  it('write whole lines to one log', async () => {
    await Promise.all(connect(server.gateway).map((one) => one.ask({ path: '/echo?with=nothing' })));
    await until(
      async () =>
        server
          .stderr()
          .split('\n')
          .filter((line) => line.includes('"verdict":"missing"')).length,
      (lines) => lines >= CONNECTIONS,
    );
    const lines = server.stderr().split('\n').slice(0, -1);
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).not.toContain('error');
  });

  it('count the guesses of an address together', async () => {
    const all = connect(server.gateway, 40);
    const codes: number[] = [];
    const began = performance.now();
    for (const one of all) {
      const guess = generate({ prefix: 'tsr', environment: 'live' });
      codes.push((await one.ask({ path: '/echo', headers: { Authorization: `Bearer ${guess}` } })).status);
    }
    expect(codes.slice(0, 20)).toEqual(Array(20).fill(401));
    // One comes back every three seconds.
    const back = Math.ceil((performance.now() - began) / 3000);
    expect(codes.slice(20).filter((status) => status === 429).length).toBeGreaterThanOrEqual(20 - back);
  });
});

describe('several workers', { timeout: STARTS_MS }, () => {
  afterAll(endServers);
  const route = (name: string, path: string) =>
    `routes: [{ name: ${name}, match: { path: ${path} }, upstream: "http://127.0.0.1:9" }]\n`;
  /** What all workers make of a path: nobody listens where the routes lead. */
  const found = async (server: Server, path: string) => {
    const headers = { Authorization: `Bearer ${(await caller(server, server.rootToken).mint()).token}` };
    const told = await Promise.all(connect(server.gateway, 24).map((one) => one.ask({ path, headers })));
    return [...new Set(told.map(({ status }) => (status === 404 ? 'no route' : 'a route')))];
  };

  it('take a changed configuration all, and a wrong one none of them', async () => {
    const server = await startServer({ env: { TESSERA_WORKERS: '2' }, config: route('one', '/one') });
    expect([await found(server, '/one'), await found(server, '/two')]).toEqual([['a route'], ['no route']]);
    writeConfig(server.data, 'routes: [{ name: wrong }]\n');
    server.signal('SIGHUP');
    await server.printed(/the configuration was not reloaded/);
    expect(await metric(server, 'tessera_config_last_reload_successful')).toBe(0);
    expect([await found(server, '/one'), await found(server, '/two')]).toEqual([['a route'], ['no route']]);
    writeConfig(server.data, route('two', '/two'));
    server.signal('SIGHUP');
    await server.printed(/the configuration was reloaded/);
    expect(await found(server, '/two')).toEqual(['a route']);
    expect(await found(server, '/one')).toEqual(['no route']);
    expect(await metric(server, 'tessera_config_last_reload_successful')).toBe(1);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('hold a place for each request under way, of all of them together, until it has ended', async () => {
    const waiting: ServerResponse[] = [];
    const upstream = createServer((_request, response) => void waiting.push(response)).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    opened.push(upstream);
    const to = `"http://127.0.0.1:${(upstream.address() as AddressInfo).port}"`;
    const server = await startServer({
      env: WORKERS,
      config: `routes: [{ name: slow, match: { path: /slow }, concurrency: [{ limit: 7 }], upstream: ${to} }]\n`,
    });
    const headers = { Authorization: `Bearer ${(await caller(server, server.rootToken).mint()).token}` };
    const all = connect(server.gateway, 40);
    const ended = () => server.stderr().match(/^.*"path":"\/slow".*"status":200.*$/gm)?.length ?? 0;
    for (let round = 1; round <= 3; round += 1) {
      const told = all.map((one) => one.ask({ path: '/slow', headers }));
      const refused: number[] = [];
      for (const one of told) void one.then(({ status }) => status === 429 && refused.push(status));
      await until(
        async () => refused.length + waiting.length,
        (sum) => sum === all.length,
      );
      expect([waiting.length, refused.length]).toEqual([7, 33]);
      for (const response of waiting.splice(0)) response.end('{}');
      expect((await Promise.all(told)).filter(({ status }) => status === 200)).toHaveLength(7);
      // A client may hear that it has ended before the server does, which then frees the place and says so.
      await until(
        async () => ended(),
        (count) => count === 7 * round,
      );
    }
  });

  it('do not start where the port is taken, also by workers of another server', async () => {
    const first = await startServer({ env: { TESSERA_WORKERS: '2' } });
    const { port } = new URL(first.url);
    for (const workers of ['1', '2']) {
      const { code, stderr } = await runToEnd(['start'], {
        TESSERA_WORKERS: workers,
        TESSERA_DATA: temporaryFolder(),
        TESSERA_PORT: port,
        TESSERA_GATEWAY_PORT: '0',
      });
      expect(code).toBe(8);
      expect(stderr).toContain(`tessera cannot start: listen EADDRINUSE: address already in use 127.0.0.1:${port}`);
    }
  });

  it('are refused as a setting that is no number and not auto', async () => {
    const { code, stderr } = await runToEnd(['start'], { TESSERA_WORKERS: 'many' });
    expect(code).toBe(2);
    expect(stderr).toContain('TESSERA_WORKERS: must be auto or a whole number from 1 to 256');
  });

  it('keep what they counted when they are stopped, and end at once when told twice', async () => {
    const server = await startServer({ env: { TESSERA_WORKERS: 'auto' } });
    const root = caller(server, server.rootToken);
    const { id, token } = await root.mint();
    await together(60, () => root.verify(token));
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    const again = await startServer({ env: WORKERS, data: server.data, rootToken: server.rootToken });
    const { items } = await caller(again, server.rootToken).do('tokens.usage', { id });
    expect(items.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(60);
    again.signal('SIGTERM');
    again.signal('SIGTERM');
    expect((await again.exited).signal).toBeNull();
  });
});

function valueIn(page: string, series: string): number {
  const line = page.split('\n').find((written) => written.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}
