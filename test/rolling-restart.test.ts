/** Two gateways behind a real load balancer are restarted one after the other, under load, and no call fails. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { caller } from './support/call.ts';
import { freePort } from './support/free-port.ts';
import { describeWith, startProgram } from './support/program.ts';
import { endServers, type Server, STARTS_MS, startServer, temporaryFolder, writeConfig } from './support/server.ts';
import { until } from './support/until.ts';

afterAll(endServers);

const CALLERS = 6;

test(
  'a node that drains still answers, on connections that end with the answer, and says that it is not ready',
  async () => {
    const server = await startServer({ env: { TESSERA_DRAIN_SECONDS: '8' } });
    const { token } = await caller(server, server.rootToken).mint({ name: 'caller', scopes: [] });
    server.signal('SIGTERM');
    const ready = await until(
      () => fetch(`${server.url}/readyz`),
      ({ status }) => status === 503,
    );
    expect(await ready.json()).toEqual({
      status: 'not ready',
      checks: { store: 'ok', feed: 'ok', accepting: 'failing' },
    });
    const answer = await fetch(`${server.gateway}/echo`, { headers: { Authorization: `Bearer ${token}` } });
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    expect(await server.exited).toEqual({ code: 0, signal: null });
  },
  STARTS_MS,
);

test.each(['/healthz', '/readyz'])(
  '%s answers a balancer that speaks HTTP/1.0 and names no host',
  async (path) => {
    const server = await startServer();
    const asked = (line: string): Promise<string> =>
      text(connect(Number(new URL(server.url).port)).end(`${line}\r\n\r\n`));
    expect(await asked(`GET ${path} HTTP/1.0`)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    // Whatever else is asked needs one.
    expect(await asked('GET /version HTTP/1.0')).toMatch(/^HTTP\/1\.1 400 /);
  },
  STARTS_MS,
);

describeWith(['haproxy'], 'two gateways behind HAProxy', () => {
  test(
    'are restarted in turn without a failed call',
    async () => {
      const service = await startService();
      const ports = await Promise.all(Array.from({ length: 4 }, () => freePort()));
      const [oneApi = 0, oneGateway = 0, twoApi = 0, twoGateway = 0] = ports;
      const data = temporaryFolder();
      const config = writeConfig(data, configOf((service.address() as AddressInfo).port));
      const start = (api: number, gateway: number, rootToken?: string): Promise<Server> =>
        startServer({
          data,
          ...(rootToken !== undefined && { rootToken }),
          env: {
            TESSERA_CONFIG: config,
            TESSERA_PORT: String(api),
            TESSERA_GATEWAY_PORT: String(gateway),
            TESSERA_DRAIN_SECONDS: '4',
            TESSERA_LOG_LEVEL: 'warn',
          },
        });
      const first = await start(oneApi, oneGateway);
      const { rootToken } = first;
      const second = await start(twoApi, twoGateway, rootToken);
      const balancer = await startBalancer([
        { name: 'one', port: oneGateway, check: oneApi },
        { name: 'two', port: twoGateway, check: twoApi },
      ]);
      await Promise.all(['one', 'two'].map(balancer.sees));
      const { token } = await caller(first, rootToken).mint({ name: 'caller', scopes: [] });

      const outcomes = new Map<string, number>();
      let stopping = false;
      const call = async (method: 'GET' | 'POST'): Promise<void> => {
        while (!stopping) {
          const outcome = await fetch(`${balancer.url}/orders/1`, {
            method,
            headers: { Authorization: `Bearer ${token}` },
            ...(method === 'POST' && { body: 'an order' }),
          }).then(
            async (response) => `${response.status} ${await response.text()}`,
            (error: unknown) => String(error),
          );
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      };
      const calling = Promise.all(Array.from({ length: CALLERS }, (_, each) => call(each % 2 === 0 ? 'GET' : 'POST')));

      expect(await first.stop()).toEqual({ code: 0, signal: null });
      await start(oneApi, oneGateway, rootToken);
      await balancer.sees('one');
      expect(await second.stop()).toEqual({ code: 0, signal: null });
      await start(twoApi, twoGateway, rootToken);
      await balancer.sees('two');
      stopping = true;
      await calling;

      const [outcome, ...others] = [...outcomes.keys()];
      expect(others).toEqual([]);
      expect(outcome).toBe('200 served');
      expect(outcomes.get('200 served')).toBeGreaterThan(100);
      await balancer.stop();
      service.close();
    },
    2 * STARTS_MS,
  );
});

function startService(): Promise<HttpServer> {
  const service = createServer((request, response) => {
    request.resume().once('end', () => response.end('served'));
  });
  return new Promise((resolve) => service.listen(0, '127.0.0.1', () => resolve(service)));
}

function configOf(upstream: number): string {
  return `routes:
  - name: orders
    match: { path: /orders/* }
    upstream: http://127.0.0.1:${upstream}
`;
}

interface Balanced {
  readonly name: string;
  readonly port: number;
  /** Port of its platform, whose readiness is asked. */
  readonly check: number;
}

async function startBalancer(servers: readonly Balanced[]) {
  const folder = temporaryFolder();
  const port = await freePort();
  const stats = await freePort();
  const lines = servers.map(
    (server) =>
      `  server ${server.name} 127.0.0.1:${server.port} check port ${server.check} inter 200ms fall 2 rise 1\n`,
  );
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  # A busy machine may take longer than the interval to say that it is ready.
  timeout check 5s
  timeout client 30s
  timeout server 30s
frontend all
  bind 127.0.0.1:${port}
  default_backend gateways
frontend state
  bind 127.0.0.1:${stats}
  stats enable
  stats uri /
backend gateways
  option httpchk GET /readyz
  option redispatch
  retries 3
${lines.join('')}`,
  );
  const program = await startProgram('haproxy', { args: ['-f', file], folder, port });
  const isUp = async (name: string): Promise<boolean> => {
    const rows = (await (await fetch(`http://127.0.0.1:${stats}/;csv`)).text()).split('\n');
    return rows.some((row) => row.startsWith(`gateways,${name},`) && /,UP(?: [0-9/]+)?,/.test(row));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    stop: program.stop,
    /** Resolves when the balancer sends calls to this one again. */
    async sees(name: string): Promise<void> {
      await expect.poll(() => isUp(name), { timeout: 20_000 }).toBe(true);
    },
  };
}
