/** What a node spends on verifiers that only follow it: a beat a second for each, and what they tell it of themselves. */
import { setTimeout as delay } from 'node:timers/promises';
import type { IdleVerifiersOrder, IdleVerifiersReport } from './processes/idle-verifiers.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { cpuSeconds, openFilesLimit, residentMebibytes } from './rig/machine.ts';
import { startTessera } from './rig/tessera.ts';

const VERIFIERS = 1000;
/** Files that a server has open beside its connections: the store, the log. */
const OTHER_FILES = 200;
/** Each verifier tells its position every 10 s: a whole number of those. */
const SETTLE_MILLISECONDS = 10_000;

export const idleVerifiers: Bench = async ({ plan, seeded }) => {
  const node = await startTessera({ folder: await seeded(plan.smallStore) });
  const allowed = openFilesLimit(node.pid);
  if (allowed < VERIFIERS + OTHER_FILES) {
    await node.stop();
    return {
      rows: [],
      notes: [`idle verifiers: not measured, a process may have ${allowed} files open (\`ulimit -n\`)`],
    };
  }
  const seconds = plan.quick ? 10 : 20;
  await delay(SETTLE_MILLISECONDS);
  const alone = await busyOf(node.pid, seconds);
  const memoryBefore = residentMebibytes(node.pid);
  const child = startChild(new URL('./processes/idle-verifiers.ts', import.meta.url), { core: 'load' });
  const opened = child.message();
  child.send({ port: node.port, verifiers: VERIFIERS } satisfies IdleVerifiersOrder);
  await opened;
  await delay(SETTLE_MILLISECONDS);
  const together = await busyOf(node.pid, seconds);
  const memory = residentMebibytes(node.pid) - memoryBefore;
  const counted = child.message();
  child.send({ count: true });
  const { following, lost } = (await counted) as IdleVerifiersReport;
  await child.stop();
  await node.stop();
  if (following !== VERIFIERS) throw new Error(`only ${following} of ${VERIFIERS} verifiers were still following`);
  const ms = (share: number): string => `${(1000 * share).toFixed(0)} ms/s`;
  return {
    rows: [
      {
        what: `CPU time of a node for ${VERIFIERS.toLocaleString('en')} idle verifiers`,
        ours: ms(together - alone),
        against: `${ms(alone)} of the node alone`,
        ratio: '',
        goal: '',
        met: undefined,
      },
    ],
    notes: [
      `idle verifiers: real ones, in one process, over ${seconds} s: a beat each second, at which the token of each stream is judged again, and a position every 10 s, which is written to SQLite; ${lost} streams were lost, and the resident size of the node grew by ${memory.toFixed(0)} MiB`,
    ],
  };
};

/** Seconds of CPU time a second. */
async function busyOf(pid: number, seconds: number): Promise<number> {
  const start = performance.now();
  const before = cpuSeconds([pid]);
  await delay(1000 * seconds);
  return (1000 * (cpuSeconds([pid]) - before)) / (performance.now() - start);
}
