/** Several nodes on one PostgreSQL: what a verdict costs as they become more, and what an idle one does. */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Plan } from './rig/bench.ts';
import { type Load, type LoadRun, startLoad } from './rig/load.ts';
import { cpuSeconds } from './rig/machine.ts';
import { type Database, nodeEnv, startServer } from './rig/postgres.ts';
import { times } from './rig/report.ts';
import { median } from './rig/rounds.ts';
import { startTessera, type Tessera } from './rig/tessera.ts';

const NODES = 3;
const TOKENS = 1000;
/** Of each node. */
const WARM_UP = 20_000;
const CONNECTIONS = 16;
const IDLE_SECONDS = 10;

export const nodes: Bench = async ({ plan, newFolder }) => {
  const server = await startServer();
  const database = await server.seeded(newFolder(), TOKENS);
  const running: Tessera[] = [];
  for (let count = 1; count <= NODES; count += 1) {
    const folder = newFolder();
    mkdirSync(folder);
    running.push(await startTessera({ folder, env: nodeEnv(database) }));
  }
  const loads = Array.from({ length: NODES }, startLoad);
  await askAll(running, loads, { requests: WARM_UP });
  const costs = [await costOf(running, loads, plan)];
  const idle = await idleOf(database, running);
  // Fewer come last: whatever a process gains by age makes one of several look dearer, and not cheaper.
  while (running.length > 1) {
    await running.pop()?.stop();
    costs.unshift(await costOf(running, loads, plan));
  }
  await Promise.all([...loads, ...running].map((one) => one.stop()));
  await server.stop();
  const [alone = Number.NaN] = costs;
  const last = costs.at(-1) ?? Number.NaN;
  return {
    rows: [
      {
        what: `CPU time of a verdict over HTTP, ${NODES} nodes asked at once`,
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
    notes: [
      'nodes: they share one core, and PostgreSQL and the callers have the rest; each counts the share of each limit that is its own, and writes what it counted to the same rows',
    ],
  };
};

/** Seconds of CPU time of a node for each verdict, while all are asked at once. */
async function costOf(running: readonly Tessera[], loads: readonly Load[], { rounds, seconds }: Plan): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const runs = await askAll(running, loads, { seconds });
    const sum = (of: (run: LoadRun) => number): number => runs.reduce((total, run) => total + of(run), 0);
    costs.push(sum(({ serverBusy }) => serverBusy) / sum(({ perSecond }) => perSecond));
  }
  return median(costs);
}

/** Each node by a caller of its own. */
function askAll(
  running: readonly Tessera[],
  loads: readonly Load[],
  length: { readonly seconds: number } | { readonly requests: number },
): Promise<readonly LoadRun[]> {
  return Promise.all(
    running.map(({ port, pid }, index) => {
      const load = loads[index];
      if (load === undefined) throw new Error('fewer callers than nodes');
      return load.run({ kind: 'verify', tokens: TOKENS, connections: CONNECTIONS, port, ...length }, [pid]);
    }),
  );
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
