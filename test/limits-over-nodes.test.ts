/** Limits hold over several nodes, to the request, whatever happens to the Redis that counts them; and a proof is accepted once. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Caller, caller, type Minted, newWorkspace, together } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { describeWith } from './support/program.ts';
import { proofKey } from './support/proofs.ts';
import { startRedis, type TestRedis } from './support/redis.ts';
import { endServers, newRootToken, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const NODES = 3;
const DAY = 86_400;
/** What a request waits for a Redis that says nothing, and air for a busy machine: without a bound it would wait for ever. */
const NOTICED_MS = 250 + 5000;

type Codes = readonly string[];
const passed = (codes: Codes): number => codes.filter((code) => code === 'ok').length;

/** Exactly so many. What a busy machine did not hear of in time was refused, and may have been counted: never the other way round. */
function expectPassed(codes: Codes, count: number, others = 'rate_limited'): void {
  const faults = codes.filter((code) => code === 'fault').length;
  expect(passed(codes)).toBeLessThanOrEqual(count);
  expect(passed(codes) + faults).toBeGreaterThanOrEqual(count);
  expect(codes.filter((code) => code === others)).toHaveLength(codes.length - passed(codes) - faults);
}

const AT_ONCE = 50;

/** Asks all nodes, so many times in all, and fifty at any time. */
async function verifyEverywhere(nodes: readonly Caller[], token: string, times: number): Promise<Codes> {
  const codes: string[] = [];
  let asked = 0;
  await together(AT_ONCE, async () => {
    while (asked < times) {
      const node = nodes[asked % nodes.length];
      asked += 1;
      codes.push(await codeAt(node, token));
    }
  });
  return codes;
}

/** A machine that is too busy may keep a node from knowing even who asks: that is a fault as well. */
async function codeAt(node: Caller | undefined, token: string, more: object = {}): Promise<string> {
  const answer = await node?.ask('verify.one', { body: { token, ...more } });
  return answer?.status === 200 ? String(answer.body.code) : 'fault';
}

async function startNodes(env: Readonly<Record<string, string>>): Promise<readonly Server[]> {
  const rootToken = newRootToken();
  const options = { rootToken, env: { TESSERA_MASTER_KEY: '5a'.repeat(32), ...env } };
  const first = await startServer(options);
  return [first, ...(await Promise.all(Array.from({ length: NODES - 1 }, () => startServer(options))))];
}

/** Resolves when each knows how many they are. */
async function acquainted(servers: readonly Server[]): Promise<void> {
  const told = () => Promise.all(servers.map((server) => metric(server, 'tessera_nodes')));
  await until(told, (counts) => counts.every((count) => count === NODES), 20_000);
}

describeWith(['redis-server'], 'limits over three nodes', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await endServers();
    await postgres?.close();
  });

  /** An administrator of a new workspace, at each of the nodes. */
  async function everywhere(servers: readonly Server[]): Promise<readonly Caller[]> {
    const [first] = servers;
    if (first === undefined) throw new Error('no node');
    const { admin } = await newWorkspace(first);
    return servers.map((server) => caller(server, admin.token));
  }

  describeWith(['redis-server'], 'with Redis', () => {
    let redis: TestRedis;
    let servers: readonly Server[];
    let nodes: readonly Caller[];
    beforeAll(async () => {
      redis = await startRedis();
      servers = await startNodes({
        TESSERA_DATABASE_URL: await postgres.createDatabase(),
        TESSERA_REDIS_URL: redis.url,
      });
      nodes = await everywhere(servers);
      await acquainted(servers);
    }, STARTS_MS);
    afterEach(async () => {
      redis.thaw();
      await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      await until(
        () => ups(),
        (up) => up === NODES,
      );
    });
    afterAll(() => redis?.close());

    const ups = async (): Promise<number> =>
      (await Promise.all(servers.map((server) => metric(server, 'tessera_redis_up')))).reduce((sum, up) => sum + up, 0);
    const mint = async (limits: object[]): Promise<Minted> => {
      const minted = await nodes[0]?.mint({ limits: limits as never });
      if (minted === undefined) throw new Error('nobody mints');
      return minted;
    };
    /** One token for each `onFault`. */
    const oneOfEach = async (limit: number) => ({
      closed: (await mint([{ limit, window: DAY }])).token,
      open: (await mint([{ limit, window: DAY, onFault: 'open' }])).token,
      local: (await mint([{ limit, window: DAY, onFault: 'local' }])).token,
    });
    const verify = (token: string, node = 0) => nodes[node]?.verify(token);

    it('R-1: let exactly 100 of 600 pass, fifty at once', async () => {
      const { token } = await mint([{ limit: 100, window: DAY }]);
      expectPassed(await verifyEverywhere(nodes, token, 600), 100);
    });

    it('let no more than the limit pass in approximate mode, and most of it', async () => {
      const { token } = await mint([{ limit: 1000, window: DAY, mode: 'approximate' }]);
      const codes = await verifyEverywhere(nodes, token, 1500);
      expect(passed(codes)).toBeLessThanOrEqual(1000);
      expect(passed(codes)).toBeGreaterThan(600);
    });

    it('count all rules of a request or none', async () => {
      const wide = { name: 'wide', limit: 50, window: DAY };
      const { token } = await mint([wide, { name: 'tight', limit: 7, window: DAY }]);
      expectPassed(await verifyEverywhere(nodes, token, 60), 7);
      expect((await verify(token))?.limits).toMatchObject([
        { name: 'wide', remaining: 43 },
        { name: 'tight', remaining: 0 },
      ]);
    });

    it.each([
      ['frozen', () => redis.freeze()],
      ['read-only', () => redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1')],
      ['full', () => redis.command('CONFIG', 'SET', 'maxmemory', '1')],
      ['killed', () => redis.kill()],
    ] as const)('R-7: with Redis %s, do what their onFault says, soon, and count it', async (state, breakIt) => {
      const tokens = await oneOfEach(9);
      for (const token of Object.values(tokens)) expect((await verify(token))?.code).toBe('ok');
      const faults = (mode: string) =>
        metric(servers[0] as Server, `tessera_policy_faults_total{policy="limits",mode="${mode}"}`);
      const before = { closed: await faults('closed'), open: await faults('open'), local: await faults('local') };
      await breakIt();
      const start = performance.now();
      expect((await verify(tokens.closed))?.code).toBe('fault');
      expect(performance.now() - start).toBeLessThan(NOTICED_MS);
      expect(passed(await verifyEverywhere(nodes.slice(0, 1), tokens.open, 20))).toBe(20);
      // Each of three nodes lets a third pass.
      expect(passed(await verifyEverywhere(nodes, tokens.local, 60))).toBe(9);
      expect(await faults('closed')).toBe(before.closed + 1);
      expect(await faults('open')).toBe(before.open + 20);
      expect(await faults('local')).toBe(before.local + 20);
      if (state === 'killed') await redis.start();
    });

    it('R-8: begin anew when Redis is emptied, once, and say so', async () => {
      const { token } = await mint([{ limit: 20, window: DAY }]);
      expectPassed(await verifyEverywhere(nodes, token, 60), 20);
      const resets = await metric(servers[0] as Server, 'tessera_redis_resets_total');
      await redis.command('FLUSHALL');
      expectPassed(await verifyEverywhere(nodes, token, 60), 20);
      expect(passed(await verifyEverywhere(nodes, token, 60))).toBe(0);
      expect(await metric(servers[0] as Server, 'tessera_redis_resets_total')).toBe(resets + 1);
      await servers[0]?.printed(/Redis was emptied, restarted or replaced/);
    });

    it('accept a proof once, whichever node it is shown to; and none that may be forgotten', async () => {
      const key = await proofKey();
      const minted = await nodes[0]?.mint({ boundKey: key.thumbprint } as never);
      const token = minted?.token ?? '';
      const shown = async (proof: string): Promise<Codes> => {
        const request = { method: 'GET', host: 'api.test', path: '/orders', headers: { DPoP: proof } };
        return together(AT_ONCE, (index) => codeAt(nodes[index % NODES], token, { request }));
      };
      const proof = () => key.prove(token, { method: 'GET', url: 'https://api.test/orders' });
      // It was emptied a moment ago: a proof of now may have been used before that.
      await redis.command('FLUSHALL');
      expect(new Set(await shown(await proof()))).toEqual(new Set(['fault', 'replayed']));
      const marks = (await redis.command('KEYS', '*:mark:*')) as string[];
      for (const mark of marks) await redis.command('SET', mark, String(Date.now() - 120_000));
      expectPassed(await shown(await proof()), 1, 'replayed');
    });

    it('do not start on a Redis that would drop counters', async () => {
      const dropping = await startRedis('--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru');
      const env = { TESSERA_REDIS_URL: dropping.url };
      await expect(startServer({ env })).rejects.toThrow(/redisUrl: maxmemory-policy is allkeys-lru.*noeviction/);
      await dropping.close();
    });

    it('do not start on a Redis Cluster', async () => {
      const cluster = await startRedis('--cluster-enabled', 'yes');
      const env = { TESSERA_REDIS_URL: cluster.url };
      await expect(startServer({ env })).rejects.toThrow(/redisUrl: Redis Cluster is not supported/);
      await cluster.close();
    });
  });

  describeWith(['redis-server'], 'without Redis', () => {
    let servers: readonly Server[];
    let nodes: readonly Caller[];
    beforeAll(async () => {
      servers = await startNodes({ TESSERA_DATABASE_URL: await postgres.createDatabase() });
      nodes = await everywhere(servers);
      await acquainted(servers);
    }, STARTS_MS);

    it('are divided among the nodes: together they let no more pass than the limit, and say so', async () => {
      const minted = await nodes[0]?.mint({ limits: [{ limit: 90, window: DAY }] });
      expect(passed(await verifyEverywhere(nodes, minted?.token ?? '', 600))).toBe(90);
      for (const server of servers) await server.printed(/several nodes count limits, each its share/);
    });

    it('accept a proof once, whichever node it is shown to', async () => {
      const key = await proofKey();
      const minted = await nodes[0]?.mint({ boundKey: key.thumbprint } as never);
      const token = minted?.token ?? '';
      const proof = await key.prove(token, { method: 'GET', url: 'https://api.test/orders' });
      const request = { method: 'GET', host: 'api.test', path: '/orders', headers: { DPoP: proof } };
      expectPassed(await together(AT_ONCE, (index) => codeAt(nodes[index % NODES], token, { request })), 1, 'replayed');
    });
  });
});
