/** The arrangement of deploy/three-nodes, as plain processes with the same values: one platform, whichever node is asked and whichever dies. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Client, createClient } from '@tessera/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { together } from './support/call.ts';
import { composeOf, DEPLOY, deployText, withSecretsIn } from './support/deploy.ts';
import { freePort } from './support/free-port.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { describeWith, endPrograms, startProgram } from './support/program.ts';
import { askRedis, startRedis, type TestRedis } from './support/redis.ts';
import { endServers, type Server, STARTS_MS, startServer, temporaryFolder, writeConfig } from './support/server.ts';
import { until } from './support/until.ts';

const CLI = join(DEPLOY, '../packages/cli/bin/tessera.js');
const { services } = composeOf('three-nodes');
const names = Object.keys(services).filter((name) => name.startsWith('node-'));
/** The promise, from the answer to a revocation to its last refusal anywhere. */
const PROMISED_MS = 1000;
const CALLERS = 6;
const DAY = 86_400;

interface Node {
  readonly name: string;
  readonly server: Server;
  /** Past the balancer. */
  readonly client: Client;
}

describeWith(['haproxy', 'redis-server'], 'three nodes behind HAProxy', () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let redisUrl: string;
  let upstream: HttpServer;
  let nodes: readonly Node[];
  let platform: Client;
  let gateway: string;
  let rootToken: string;

  beforeAll(async () => {
    const folder = temporaryFolder();
    const env = { PATH: process.env.PATH, TESSERA: `${process.execPath} ${CLI}` };
    await promisify(execFile)(join(DEPLOY, 'make-secrets.sh'), [folder], { env });
    const secrets = join(folder, 'secrets');
    rootToken = readFileSync(join(secrets, 'root_token'), 'utf8').trim();
    postgres = await startPostgres();
    writeFileSync(join(secrets, 'database_url'), await postgres.createDatabase(), { mode: 0o600 });
    redis = await startRedis(...redisWords(secrets));
    redisUrl = readFileSync(join(secrets, 'redis_url'), 'utf8').replace('@redis:6379', `@${new URL(redis.url).host}`);
    writeFileSync(join(secrets, 'redis_url'), redisUrl);
    upstream = await startUpstream();
    const orders = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const config = writeConfig(folder, deployText('tessera.yaml').replace('http://orders:9000', orders));
    // At once, on an empty database, as they come up in containers.
    nodes = await Promise.all(
      names.map(async (name) => {
        const { TESSERA_ROOT_TOKEN_FILE: _, ...variables } = services[name]?.environment ?? {};
        const server = await startServer({
          rootToken,
          env: {
            ...withSecretsIn(secrets, variables),
            TESSERA_CONFIG: config,
            TESSERA_TRUSTED_PROXIES: '127.0.0.1',
            TESSERA_LOG_LEVEL: 'warn',
          },
        });
        return { name, server, client: createClient({ baseUrl: server.url, token: rootToken }) };
      }),
    );
    const ports = { platform: await freePort(), gateway: await freePort() };
    await startProgram('haproxy', { args: ['-f', writeBalancer(folder, nodes, ports)], folder, port: ports.platform });
    platform = createClient({ baseUrl: `http://127.0.0.1:${ports.platform}`, token: rootToken });
    gateway = `http://127.0.0.1:${ports.gateway}`;
  }, STARTS_MS);
  afterAll(async () => {
    await endPrograms();
    await endServers();
    await redis.close();
    await postgres.close();
    upstream.close();
  });

  it('what one minted all verify, and what one revoked all refuse within a second', {
    timeout: STARTS_MS,
  }, async () => {
    for (const [round, { client: minter }] of nodes.entries()) {
      const { token, id } = await minter.tokens.create({ name: 'everywhere', scopes: [] });
      for (const { client } of nodes) expect(await client.verify({ token })).toMatchObject({ valid: true, id });
      const revoker = nodes[(round + 1) % nodes.length]?.client ?? minter;
      await revoker.tokens.revoke(id);
      expect(await revoker.verify({ token })).toMatchObject({ valid: false, code: 'revoked' });
      await Promise.all(
        nodes.map(({ client }) =>
          until(
            () => client.verify({ token }),
            ({ code }) => code === 'revoked',
            PROMISED_MS,
          ),
        ),
      );
    }
  });

  it('a limit lets pass together what it permits, and none of it where Redis is gone', {
    timeout: STARTS_MS,
  }, async () => {
    const limited = async (limit: number) => {
      const minted = await platform.tokens.create({ name: 'limited', scopes: [], limits: [{ limit, window: DAY }] });
      return () => Promise.all(nodes.map(({ client }) => client.verify({ token: minted.token })));
    };
    const everywhere = await limited(9);
    // Asked for until all nodes have found Redis again, by which time nine would be used up.
    const forLong = await limited(100_000);
    const codes = (await together(10, everywhere)).flat().map(({ code }) => code);
    const passed = codes.filter((code) => code === 'ok').length;
    // What a busy machine did not hear of in time was refused, and may have been counted.
    const faults = codes.filter((code) => code === 'fault').length;
    expect(passed).toBeLessThanOrEqual(9);
    expect(passed + faults).toBeGreaterThanOrEqual(9);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(30 - passed - faults);
    await redis.kill();
    expect((await everywhere()).map(({ code }) => code)).toEqual(nodes.map(() => 'fault'));
    await redis.start();
    await until(forLong, (verdicts) => verdicts.every(({ code }) => code === 'ok'));
  });

  it.each([
    [['FLUSHALL']],
    [['KEYS', '*']],
    [['CONFIG', 'GET', '*']],
    [['ACL', 'LIST']],
    [['SHUTDOWN']],
    [['GET', 'of:others']],
    [['EVAL', "return redis.call('FLUSHALL')", '0']],
    [['EVAL', "return redis.call('GET', 'of:others')", '0']],
  ])('Redis does not let a node %j', async (words) => {
    await expect(askRedis(redisUrl, words)).rejects.toThrow(
      /^NOPERM|The user executing the script can't|ACL failure in script/,
    );
  });

  it('Redis lets nobody in who does not know its password', async () => {
    await expect(askRedis(redis.url, ['INFO'])).rejects.toThrow(/NOAUTH/);
    const stranger = new URL(redisUrl);
    stranger.password = 'guessed';
    await expect(askRedis(stranger.href, ['INFO'])).rejects.toThrow(/WRONGPASS/);
  });

  it('who the client is the balancer says, and never the client', async () => {
    const called = async (allow: string): Promise<number> => {
      const { token } = await platform.tokens.create({ name: 'from', scopes: ['orders:read'], ip: { allow: [allow] } });
      const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7' };
      return (await fetch(`${gateway}/orders/1`, { headers })).status;
    };
    expect(await called('127.0.0.1')).toBe(200);
    expect(await called('192.0.2.7')).toBe(403);
  });

  it('a node that is killed fails no call that may be made again, and no mint is made twice', {
    timeout: STARTS_MS,
  }, async () => {
    const { token } = await platform.tokens.create({ name: 'judged', scopes: ['orders:read'] });
    const failures: string[] = [];
    const made: string[] = [];
    let calls = 0;
    const killed = Promise.withResolvers<void>();
    const work: readonly (() => Promise<unknown>)[] = [
      () => platform.tokens.list({ limit: 1 }),
      () => platform.tokens.create({ name: 'under fire', scopes: [] }).then(({ id }) => made.push(id)),
      async () => expect((await platform.verify({ token }, { repeatable: true })).code).toBe('ok'),
    ];
    const caller = async (which: number, enough: () => boolean): Promise<void> => {
      while (!enough()) {
        await work[which % work.length]?.().catch((error: unknown) => failures.push(String(error)));
        calls += 1;
        if (calls === 100) killed.resolve();
      }
    };
    let last = Number.POSITIVE_INFINITY;
    const calling = Promise.all(Array.from({ length: CALLERS }, (_, which) => caller(which, () => calls >= last)));
    await killed.promise;
    await nodes.at(-1)?.server.kill();
    // Long enough for calls to meet the balancer's old view of the nodes, and its new one.
    await delay(3000);
    last = calls + 100;
    await calling;
    expect(failures).toEqual([]);
    const found = new Set<string>();
    for await (const { id } of platform.tokens.listAll({ q: 'under fire' })) found.add(id);
    expect(found).toEqual(new Set(made));
    expect(made.length).toBeGreaterThan(20);
  });

  it('the two that are left go on as one platform', async () => {
    const { token, id } = await platform.tokens.create({ name: 'after', scopes: [] });
    await platform.tokens.revoke(id);
    const left = nodes.slice(0, -1);
    await Promise.all(
      left.map(({ client }) =>
        until(
          () => client.verify({ token }),
          ({ code }) => code === 'revoked',
          PROMISED_MS,
        ),
      ),
    );
    expect(await platform.audit.verify()).toMatchObject({ ok: true });
  });
});

/** What the container is told on its command line, with the files of this machine. */
function redisWords(secrets: string): readonly string[] {
  const { command: [program, config, ...words] = [], volumes = [] } = services.redis ?? {};
  expect([program, volumes]).toEqual(['redis-server', [`../redis.conf:${config}:ro`]]);
  return ['--include', join(DEPLOY, 'redis.conf'), ...words.map((word) => word.replace('/run/secrets', secrets))];
}

function startUpstream(): Promise<HttpServer> {
  const server = createServer((_request, response) => response.end('served'));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** The same configuration with the ports of this machine. */
function writeBalancer(
  folder: string,
  nodes: readonly Node[],
  ports: { readonly platform: number; readonly gateway: number },
): string {
  let text = deployText('three-nodes/haproxy.cfg')
    // Two descriptors each, of which the container has enough.
    .replace('maxconn 20000\n', 'maxconn 1000\n')
    .replace('  bind :8420\n', `  bind 127.0.0.1:${ports.platform}\n`)
    .replace('  bind :8421\n', `  bind 127.0.0.1:${ports.gateway}\n`);
  for (const { name, server } of nodes) {
    const [api, door] = [new URL(server.url).port, new URL(server.gateway).port];
    text = text
      .replace(` ${name}:8420\n`, ` 127.0.0.1:${api}\n`)
      .replace(` ${name}:8421 port 8420\n`, ` 127.0.0.1:${door} port ${api}\n`);
  }
  expect(text).not.toMatch(/^ {2}bind :| node-\d:| port 8420/m);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, text);
  return file;
}
