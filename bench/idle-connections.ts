/** What ten thousand connections take that made one request and then stay open without a word. */
import { setTimeout as delay } from 'node:timers/promises';
import type { IdleOrder, IdleReport } from './processes/idle-connections.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import type { Contestant } from './rig/contest.ts';
import { startGateway } from './rig/gateway.ts';
import { startLoad } from './rig/load.ts';
import { openFilesLimit, residentMebibytes } from './rig/machine.ts';
import { startProxy } from './rig/proxies.ts';

const CONNECTIONS = 10_000;
const GOAL_MEBIBYTES = 250;
/** Files that a server has open beside the connections of its clients: to the upstream, the store, the log. */
const OTHER_FILES = 1500;
/** Well below the time after which a server closes a silent connection. */
const SETTLE_MILLISECONDS = 3000;

export const idleConnections: Bench = async (rig) => {
  const { smallStore: tokens } = rig.plan;
  const gateway = await startGateway(rig, tokens);
  const floor = await startProxy('node:http, undici', gateway.upstream.port);
  const allowed = openFilesLimit(gateway.tessera.pid);
  const fits = allowed >= CONNECTIONS + OTHER_FILES;
  const growth = fits ? [await growthOf(gateway.ours, tokens), await growthOf(floor, tokens)] : [];
  await Promise.all([gateway.stop(), floor.stop()]);
  const [ours, bare] = growth;
  if (ours === undefined || bare === undefined) {
    return {
      rows: [],
      notes: [`idle connections: not measured, a process may have ${allowed} files open (\`ulimit -n\`)`],
    };
  }
  return {
    rows: [
      {
        what: `memory for ${CONNECTIONS.toLocaleString('en')} idle connections, gateway`,
        ours: `${ours.toFixed(0)} MiB`,
        against: `${bare.toFixed(0)} MiB node:http, undici`,
        ratio: '',
        goal: `<= ${GOAL_MEBIBYTES} MiB`,
        met: ours <= GOAL_MEBIBYTES,
      },
    ],
    notes: [
      'idle connections: growth of the resident size; each has made one request, and all were still open when it was read',
    ],
  };
};

/** In MiB. */
async function growthOf({ port, pid }: Contestant, tokens: number): Promise<number> {
  const load = startLoad();
  // What serving anybody takes is there before.
  await load.run({ port, kind: 'forward', tokens, connections: 32, requests: 2 * tokens }, [pid]);
  await load.stop();
  await delay(SETTLE_MILLISECONDS);
  const before = residentMebibytes(pid);
  const child = startChild(new URL('./processes/idle-connections.ts', import.meta.url), { core: 'load' });
  const held = child.message();
  child.send({ port, connections: CONNECTIONS, tokens } satisfies IdleOrder);
  await held;
  await delay(SETTLE_MILLISECONDS);
  const growth = residentMebibytes(pid) - before;
  const counted = child.message();
  child.send({ count: true });
  const { open } = (await counted) as IdleReport;
  await child.stop();
  if (open !== CONNECTIONS) throw new Error(`only ${open} connections were left`);
  return growth;
}
