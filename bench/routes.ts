/** What a request costs where the gateway has one route, and where it has a thousand. */
import { cpSync } from 'node:fs';
import type { Bench } from './rig/bench.ts';
import { contest } from './rig/contest.ts';
import { microseconds, times } from './rig/report.ts';
import { SERVICES } from './rig/requests.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { PLAIN_TOKEN } from './rig/seed.ts';
import { startTessera } from './rig/tessera.ts';
import { ORDERS, startUpstream } from './rig/upstream.ts';

const GOAL = 1.05;

export const routes: Bench = async ({ plan, newFolder, seeded }) => {
  const { smallStore: tokens, seconds, rounds } = plan;
  const upstream = await startUpstream();
  const services = Array.from({ length: SERVICES }, (_, index) => ({
    name: `service-${index}`,
    path: `/service-${index}/*`,
  }));
  const seededFolder = await seeded(tokens, PLAIN_TOKEN);
  const startWith = async (configured: typeof services) => {
    // Each has a store of its own: two on one store would hear of each other.
    const folder = newFolder();
    cpSync(seededFolder, folder, { recursive: true });
    return startTessera({ folder, env: { TESSERA_CONFIG: upstream.configIn(folder, configured) } });
  };
  const few = await startWith([ORDERS]);
  const many = await startWith([...services, ORDERS]);
  const manyPorts = { pid: many.pid, port: many.gatewayPort };
  const { cpuFigures } = await contest(
    {
      one: { pid: few.pid, port: few.gatewayPort },
      thousand: manyPorts,
      spread: { ...manyPorts, kind: 'forward spread' },
    },
    {
      order: { kind: 'forward', tokens, connections: 32 },
      rounds,
      seconds,
      warmUp: { one: 2 * tokens, thousand: 2 * tokens, spread: 2 * tokens },
    },
  );
  await Promise.all([few.stop(), many.stop()]);
  await upstream.stop();
  const row = (name: 'thousand' | 'spread', traffic: string) => {
    const ratio = medianRatio(cpuFigures.one, cpuFigures[name]);
    return {
      what: `gateway, CPU time of a request with ${(SERVICES + 1).toLocaleString('en')} routes, ${traffic}`,
      ours: microseconds(1000 / median(cpuFigures[name])),
      against: `${microseconds(1000 / median(cpuFigures.one))} with 1 route`,
      ratio: times(ratio),
    };
  };
  const oneUsed = row('thousand', 'one of them used');
  return {
    rows: [
      { ...oneUsed, goal: `<= ${GOAL}x`, met: medianRatio(cpuFigures.one, cpuFigures.thousand) <= GOAL },
      { ...row('spread', 'all of them used'), goal: 'none', met: undefined },
    ],
    notes: [],
  };
};
