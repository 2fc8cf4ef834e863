/** The death of one worker costs its own connections, and nothing else: others serve on, limits and counts stay, another takes its place. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BroadcastChannel } from 'node:worker_threads';
import { generate } from '@tessera/token';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { createLogger } from '../../src/observe/log.ts';
import { startWorkers } from '../../src/workers/start-workers.ts';
import { FATES, type Fate } from './fates.ts';

const SCRIPT = new URL('./mortal-worker.ts', import.meta.url);
/** Of a worker, the least that is given: what hoards dies soon. */
const LITTLE_MEMORY = 2 ** 28;

async function aCrew(count: number) {
  const data = mkdtempSync(join(tmpdir(), 'tessera-workers-'));
  const rootToken = generate({ prefix: 'tsm', environment: 'live' });
  const env = { TESSERA_PORT: '0', TESSERA_GATEWAY_PORT: '0', TESSERA_DATA: data, TESSERA_ROOT_TOKEN: rootToken };
  const loaded = loadConfig({ env, cwd: data });
  if (!loaded.ok) throw new Error('the configuration is valid');
  const file = join(data, 'log');
  const log = createLogger({ level: 'info', destination: file });
  const started = await startWorkers(
    {
      config: loaded.config,
      reload: () => loaded,
      version: { version: '0', node: process.version },
      clock: { now: Date.now },
      count,
      log,
      secrets: [],
      memoryBytes: LITTLE_MEMORY,
    },
    SCRIPT,
  );
  onTestFinished(async () => {
    await started.stop();
    await log.flush();
    rmSync(data, { recursive: true, force: true });
  });
  const port = started.ports.platform;
  const fates = new BroadcastChannel(FATES);
  onTestFinished(() => fates.close());
  return {
    port,
    rootToken,
    die: (worker: number, fate: Fate) => fates.postMessage({ worker, fate }),
    log: async () => {
      await log.flush();
      return readFileSync(file, 'utf8');
    },
    metric: async (series: string) => {
      const { body } = await call(port, 'GET', '/metrics');
      return Number(
        body
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')
          .at(-1) ?? 0,
      );
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request; without an agent on a connection of its own. */
async function call(
  port: number,
  method: string,
  path: string,
  sent: { readonly token?: string; readonly body?: object; readonly agent?: Agent } = {},
): Promise<Answer> {
  const headers = { ...(sent.token && { Authorization: `Bearer ${sent.token}`, 'Content-Type': 'application/json' }) };
  const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: sent.agent ?? false });
  asked.end(sent.body === undefined ? undefined : JSON.stringify(sent.body));
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, body: await text(response) };
}

/** Whether a connection is cut by what happens until `done`. */
async function isCut(port: number, agent: Agent): Promise<boolean> {
  return call(port, 'GET', '/healthz', { agent }).then(
    () => false,
    () => true,
  );
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 90_000; performance.now() < deadline; ) if (await isSo()) return;
  throw new Error('not within 90 seconds');
}

describe('the death of a worker', () => {
  it.each(['throw', 'exit', 'memory'] as const)(
    'by %s is counted and told, others serve on, and another takes its place',
    async (fate) => {
      const crew = await aCrew(2);
      const { port, die, metric } = crew;
      die(1, fate);
      // Whatever is asked on a new connection is answered, but for those that were queued at the one that died.
      let answered = 0;
      await until(async () => {
        const restarts = await metric('tessera_worker_restarts_total').catch(() => 0);
        answered += 1;
        return restarts === 1;
      });
      expect(answered).toBeGreaterThan(0);
      await until(async () => (await metric('tessera_workers')) === 2);
      const told = (await crew.log()).split('\n').find((line) => line.includes('a worker died'));
      expect(JSON.parse(told ?? '{}')).toMatchObject({ level: 'error', worker: 1, againInMs: 100 });
      if (fate === 'throw') expect(told).toContain('as it was told');
      if (fate === 'memory') expect(told).toContain('ERR_WORKER_OUT_OF_MEMORY');
      // The new one shares the port: of so many new connections, it gets some, and all are answered.
      const answers = await Promise.all(Array.from({ length: 40 }, () => call(port, 'GET', '/healthz')));
      expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
    },
  );

  it('cuts its own connections and no others', async () => {
    const { port, die, metric } = await aCrew(2);
    const agents = Array.from({ length: 24 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    onTestFinished(() => {
      for (const agent of agents) agent.destroy();
    });
    const sockets = await Promise.all(
      agents.map(async (agent) => {
        await call(port, 'GET', '/healthz', { agent });
        const socket = Object.values(agent.freeSockets)[0]?.[0];
        if (socket === undefined) throw new Error('the connection is kept');
        return { agent, socket };
      }),
    );
    die(2, 'throw');
    await until(async () => (await metric('tessera_worker_restarts_total').catch(() => 0)) === 1);
    // By then the ends of its connections have come here, too.
    await until(async () => (await metric('tessera_workers')) === 2);
    const cut = sockets.filter(({ socket }) => socket.destroyed);
    // The system deals them out by a hash: some to each.
    expect(cut.length).toBeGreaterThan(0);
    expect(cut.length).toBeLessThan(24);
    const kept = sockets.filter(({ socket }) => !socket.destroyed);
    const answers = await Promise.all(kept.map(({ agent }) => isCut(port, agent)));
    expect(answers).toEqual(kept.map(() => false));
  });

  it('gives no limit back, and no count', async () => {
    const { port, die, metric, rootToken: token } = await aCrew(2);
    const body = { name: 'limited', scopes: [], limits: [{ limit: 60, window: 86_400 }] };
    const minted = JSON.parse((await call(port, 'POST', '/v1/tokens', { token, body })).body) as { token: string };
    const verify = async (count: number) => {
      const answers = await Promise.all(
        Array.from({ length: count }, () => call(port, 'POST', '/v1/verify', { token, body: { token: minted.token } })),
      );
      return answers.filter(({ body: answer }) => (JSON.parse(answer) as { code: string }).code === 'ok').length;
    };
    const series = 'tessera_verifications_total{door="verify",result="ok"}';
    expect(await verify(40)).toBe(40);
    // Asked for, and with that known to those who outlive them.
    expect(await metric(series)).toBe(40);
    die(1, 'throw');
    await until(async () => (await metric('tessera_worker_restarts_total').catch(() => 0)) === 1);
    await until(async () => (await metric('tessera_workers')) === 2);
    expect(await verify(40)).toBe(20);
    expect(await metric(series)).toBe(60);
  });
});
