/** Several nodes on one PostgreSQL: how soon a revocation holds on the others, and what each of them costs. */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './rig/bench.ts';
import { startLoad } from './rig/load.ts';
import { cpuSeconds } from './rig/machine.ts';
import { type Database, nodeEnv, startServer } from './rig/postgres.ts';
import { times } from './rig/report.ts';
import { percentile } from './rig/rounds.ts';
import { ROOT_TOKEN, startTessera, type Tessera } from './rig/tessera.ts';

const NODES = 3;
const TOKENS = 1000;
const GOAL_MS = 100;
const IDLE_SECONDS = 10;

export const nodes: Bench = async ({ plan, newFolder }) => {
  const server = await startServer();
  const database = await server.seeded(newFolder(), TOKENS);
  const running: Tessera[] = [];
  const costs: number[] = [];
  const load = startLoad();
  for (let count = 1; count <= NODES; count += 1) {
    const folder = newFolder();
    mkdirSync(folder);
    running.push(await startTessera({ folder, env: nodeEnv(database) }));
    costs.push(await costOf(running, load, plan.seconds));
  }
  await load.stop();
  const idle = await idleOf(database, running);
  const rounds = plan.quick ? 50 : 300;
  const lags = Float64Array.from(await revocations(running, rounds));
  for (const node of running) await node.stop();
  await server.stop();
  const ms = (share: number): string => `${percentile(lags, share).toFixed(1)} ms`;
  const [alone = Number.NaN] = costs;
  const last = costs.at(-1) ?? Number.NaN;
  return {
    rows: [
      {
        what: `a revocation on one of ${NODES} nodes until the last of the others refuses, p99 (p50, longest of ${rounds})`,
        ours: `${ms(0.99)} (${ms(0.5)}, ${ms(1)})`,
        against: 'from the answer to the revocation; each node is asked without a pause',
        ratio: '',
        goal: `p99 <= ${GOAL_MS} ms`,
        met: percentile(lags, 0.99) <= GOAL_MS,
      },
      {
        what: `CPU time of a verdict over HTTP on one of ${NODES} nodes, all writing what they count`,
        ours: `${(1e6 * last).toFixed(1)} µs`,
        against: `${costs.map((cost) => `${(1e6 * cost).toFixed(1)} µs`).join(', ')} with 1, 2, 3 nodes`,
        ratio: times(last / alone),
        goal: '',
        met: undefined,
      },
      {
        what: 'an idle node: transactions of the database a second, CPU time of the node',
        ours: `${idle.transactions.toFixed(2)}, ${(1000 * idle.cpu).toFixed(1)} ms/s`,
        against: '',
        ratio: '',
        goal: '',
        met: undefined,
      },
    ],
    notes: ['nodes: three nodes share one core, and PostgreSQL and the caller have the rest'],
  };
};

/** Seconds of CPU time of the newest node for each verdict, while all nodes run. */
async function costOf(
  running: readonly Tessera[],
  load: ReturnType<typeof startLoad>,
  seconds: number,
): Promise<number> {
  const node = running.at(-1);
  if (node === undefined) throw new Error('no node runs');
  const order = { kind: 'verify', tokens: TOKENS, connections: 32, port: node.port } as const;
  await load.run({ ...order, requests: 5 * TOKENS }, [node.pid]);
  const { perSecond, serverBusy } = await load.run({ ...order, seconds }, [node.pid]);
  return serverBusy / perSecond;
}

async function idleOf(database: Database, running: readonly Tessera[]) {
  const transactions = async (): Promise<number> => {
    const [row] = await database.query(
      'select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()',
    );
    return Number(row?.count);
  };
  // What the database does for itself is not theirs.
  await database.query('alter system set autovacuum = off');
  await database.query('select pg_reload_conf()');
  // Statistics come late, and what was counted before is still to be written.
  await delay(5000);
  const pids = running.map(({ pid }) => pid);
  const before = { transactions: await transactions(), cpu: cpuSeconds(pids) };
  await delay(IDLE_SECONDS * 1000);
  const after = { transactions: await transactions(), cpu: cpuSeconds(pids) };
  const share = running.length * IDLE_SECONDS;
  return { transactions: (after.transactions - before.transactions) / share, cpu: (after.cpu - before.cpu) / share };
}

/** For each round, milliseconds from the answer to the revocation until the last other node refused. */
async function revocations(running: readonly Tessera[], rounds: number): Promise<readonly number[]> {
  const [first, ...others] = running;
  if (first === undefined) throw new Error('no node runs');
  const lags: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { id, token } = (await post(first, '/v1/tokens', { name: 'bench', scopes: [] })) as {
      id: string;
      token: string;
    };
    // Known to each, as it would be in use.
    for (const node of others) while ((await codeOf(node, token)) !== 'ok') await delay(1);
    await Promise.all(others.map((node) => codeOf(node, token)));
    await post(first, `/v1/tokens/${id}/revoke`, {});
    const told = performance.now();
    const until = others.map(async (node) => {
      for (;;) {
        const asked = performance.now();
        // The last question that was still allowed is over: this one is refused, and so is every later one.
        if ((await codeOf(node, token)) !== 'ok') return asked - told;
      }
    });
    lags.push(Math.max(...(await Promise.all(until))));
  }
  return lags;
}

async function codeOf(node: Tessera, token: string): Promise<unknown> {
  return ((await post(node, '/v1/verify', { token })) as { readonly code: unknown }).code;
}

async function post({ port }: Tessera, path: string, body: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ROOT_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}
