/** nginx that asks Tessera about each request, against the same nginx that asks nobody. Both and Tessera share one core. */
import type { Bench } from './rig/bench.ts';
import { busyNote, contest } from './rig/contest.ts';
import { startGateway } from './rig/gateway.ts';
import { installedVersion } from './rig/installed.ts';
import { startNginx } from './rig/nginx.ts';
import { microseconds, rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { requireSameAnswers } from './rig/same-answers.ts';

export const forwardAuth: Bench = async (rig) => {
  const version = installedVersion('nginx');
  if (version === undefined) return { rows: [], notes: ['forward-auth: not measured, nginx is not installed'] };
  const { tokens, seconds, rounds } = rig.plan;
  const gateway = await startGateway(rig, tokens);
  const upstreamPort = gateway.upstream.port;
  const asking = await startNginx({ folder: rig.newFolder(), upstreamPort, authPort: gateway.tessera.port });
  const alone = await startNginx({ folder: rig.newFolder(), upstreamPort });
  const contestants = { ours: { ...asking, helper: gateway.tessera.pid }, alone };
  await requireSameAnswers(contestants, ['ours'], upstreamPort);
  const { figures, cpuFigures, busy } = await contest(contestants, {
    order: { kind: 'forward', tokens, connections: 32 },
    rounds,
    seconds,
    warmUp: { ours: tokens, alone: tokens },
  });
  await Promise.all([asking, alone, gateway].map((server) => server.stop()));
  const costOf = (name: 'ours' | 'alone'): string => microseconds(1000 / median(cpuFigures[name]));
  const what = `forward-auth: nginx ${version} asks about each request; scope, two rate limits, usage, log`;
  return {
    rows: [
      {
        what,
        ours: rate(median(figures.ours)),
        against: `${rate(median(figures.alone))} the same nginx, which asks nobody`,
        ratio: times(medianRatio(figures.ours, figures.alone)),
        goal: 'none',
        met: undefined,
      },
      {
        what: 'the same, CPU time of a request, nginx and Tessera together',
        ours: costOf('ours'),
        against: `${costOf('alone')} nginx alone`,
        ratio: times(medianRatio(cpuFigures.alone, cpuFigures.ours)),
        goal: 'none',
        met: undefined,
      },
    ],
    notes: [`forward-auth: nginx and Tessera share one core; ${busyNote(busy)}`],
  };
};
