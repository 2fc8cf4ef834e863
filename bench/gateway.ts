/** The gateway with everything on: a credential, a scope, a rate limit and the log; against a proxy that checks nothing. */
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { busyNote, contest } from './rig/contest.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';
import { startUpstream } from './rig/upstream.ts';

export const gateway: Bench = async ({ plan, seeded }) => {
  const { tokens, seconds, rounds } = plan;
  const folder = await seeded(tokens);
  const upstream = await startUpstream();
  const tessera = await startTessera({ folder, env: { TESSERA_CONFIG: upstream.configIn(folder) } });
  const floor = startChild(new URL('./processes/floor-proxy.ts', import.meta.url), {
    core: 'server',
    args: [upstream.port],
  });
  const { figures, cpuFigures, busy } = await contest(
    {
      ours: { pid: tessera.pid, port: tessera.gatewayPort },
      floor: { pid: floor.pid, port: Number(await floor.printed(/port ([0-9]+)/)) },
    },
    { order: { kind: 'forward', tokens, connections: 32 }, rounds, seconds, warmUp: { ours: tokens, floor: tokens } },
  );
  await Promise.all([tessera.stop(), floor.stop()]);
  await upstream.stop();
  return {
    rows: [
      {
        what: `gateway: credential, scope, limit, log; ${tokens.toLocaleString('en')} tokens`,
        ours: rate(median(figures.ours)),
        against: `${rate(median(figures.floor))} node:http, undici; checks nothing`,
        ratio: times(medianRatio(figures.ours, figures.floor)),
        goal: 'none yet',
        met: undefined,
      },
    ],
    notes: [
      `gateway: ${times(medianRatio(cpuFigures.ours, cpuFigures.floor))} of the floor for each second of CPU time; the log goes to a file; ${busyNote(busy)}`,
    ],
  };
};
