/** From the acknowledgement of a revocation until nobody allows the token any more: three nodes on one PostgreSQL, and verifiers that follow them. */
import { mkdirSync } from 'node:fs';
import { startPostgres } from '../test/support/postgres.ts';
import type { RevocationOrder, RevocationReport } from './processes/revocations.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { nodeEnv } from './rig/postgres.ts';
import { percentile } from './rig/rounds.ts';
import { startTessera, type Tessera } from './rig/tessera.ts';

const NODES = 3;
const VERIFIERS = 50;
const GOAL_MILLISECONDS = 100;
const EVERY_MILLISECONDS = 5;

export const revocation: Bench = async ({ plan, newFolder }) => {
  const postgres = await startPostgres();
  const env = nodeEnv({ url: await postgres.createDatabase() });
  const nodes: Tessera[] = [];
  for (let index = 0; index < NODES; index += 1) {
    const folder = newFolder();
    mkdirSync(folder);
    nodes.push(await startTessera({ folder, env }));
  }
  const order: RevocationOrder = {
    ports: nodes.map(({ port }) => port),
    verifiers: VERIFIERS,
    revocations: plan.quick ? 50 : 300,
    everyMilliseconds: EVERY_MILLISECONDS,
  };
  const child = startChild(new URL('./processes/revocations.ts', import.meta.url), { core: 'load' });
  const reported = child.message();
  child.send(order);
  const report = (await reported) as RevocationReport;
  await child.stop();
  await Promise.all(nodes.map((node) => node.stop()));
  await postgres.close();
  const row = (where: string, milliseconds: readonly number[]) => {
    const times = Float64Array.from(milliseconds);
    const p99 = percentile(times, 0.99);
    return {
      what: `revocation acknowledged to the last refusal of ${where}, p99 (p50, max)`,
      ours: `${p99.toFixed(0)} ms (${percentile(times, 0.5).toFixed(0)} ms, ${Math.max(...times).toFixed(0)} ms)`,
      against: '',
      ratio: '',
      goal: `<= ${GOAL_MILLISECONDS} ms`,
      met: p99 <= GOAL_MILLISECONDS,
    };
  };
  return {
    rows: [row(`${NODES} nodes`, report.nodes), row(`${VERIFIERS} verifiers`, report.verifiers)],
    notes: [
      `revocation: ${order.revocations} in a row, each taken by the next node, with the token in the memory of all; each judge is asked again ${EVERY_MILLISECONDS} ms after it has answered, which is how exact the figures are, and the time is that of the last one's first refusal, its answer included; the nodes share one core, and the verifiers, in one process, the other one with the caller`,
    ],
  };
};
