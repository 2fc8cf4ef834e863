/** What a flood of credentials that nobody was ever given leaves in memory, and how often it reaches the store. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './rig/bench.ts';
import { startLoad } from './rig/load.ts';
import { residentMebibytes } from './rig/machine.ts';
import type { Row } from './rig/report.ts';
import { startTessera, type Tessera } from './rig/tessera.ts';
import { startUpstream } from './rig/upstream.ts';

const GOAL_MEBIBYTES = 64;
const CONNECTIONS = 32;
/** Garbage is collected as it always is; this only lets what was under way end. */
const SETTLE_MILLISECONDS = 3000;

const DOORS = [
  { door: 'verify', kinds: ['verify unknown', 'verify malformed'], warm: 'verify' },
  { door: 'gateway', kinds: ['forward unknown', 'forward malformed'], warm: 'forward' },
] as const;

export const memory: Bench = async ({ plan, seeded }) => {
  const { badTokens, smallStore: tokens } = plan;
  const folder = await seeded(tokens);
  const upstream = await startUpstream();
  const rows: Row[] = [];
  let lookups = 0;
  for (const { door, kinds, warm } of DOORS) {
    const tessera = await startTessera({
      folder,
      // The limit on failed credentials would end the flood after a hundred.
      env: { TESSERA_CONFIG: upstream.configIn(folder), TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '1000000' },
    });
    const load = startLoad();
    const port = door === 'verify' ? tessera.port : tessera.gatewayPort;
    const order = { port, connections: CONNECTIONS, tokens };
    // What serving anybody takes is there before the flood.
    await load.run({ ...order, kind: warm, requests: 2 * tokens }, [tessera.pid]);
    await delay(SETTLE_MILLISECONDS);
    const before = residentMebibytes(tessera.pid);
    for (const kind of kinds) {
      const missesBefore = await misses(tessera);
      await load.run({ ...order, kind, requests: badTokens / kinds.length }, [tessera.pid]);
      if (kind.endsWith('malformed')) lookups += (await misses(tessera)) - missesBefore;
    }
    await delay(SETTLE_MILLISECONDS);
    const growth = residentMebibytes(tessera.pid) - before;
    await Promise.all([tessera.stop(), load.stop()]);
    rows.push({
      what: `memory after ${badTokens.toLocaleString('en')} bad tokens, half unknown and half mistyped, ${door}`,
      ours: `${growth < 0 ? '' : '+'}${growth.toFixed(0)} MiB`,
      against: `${before.toFixed(0)} MiB before`,
      ratio: '',
      goal: `<= ${GOAL_MEBIBYTES} MiB`,
      met: growth <= GOAL_MEBIBYTES,
    });
  }
  await upstream.stop();
  rows.push({
    what: 'look-ups in the store for tokens with a wrong checksum',
    ours: String(lookups),
    against: '',
    ratio: '',
    goal: '0',
    met: lookups === 0,
  });
  return { rows, notes: ['memory: resident size of the whole process, as the system tells it'] };
};

/** Look-ups of token facts that memory could not answer, as the metrics count them. */
async function misses({ port }: Tessera): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = /^tessera_verify_cache_requests_total\{outcome="miss"\} ([0-9]+)$/m.exec(page);
  if (found === null) throw new Error('the metrics do not tell how often the store was asked');
  return Number(found[1]);
}
