/** The gateway beside proxies in C, where they are installed: what a Node program leaves on the table. */
import type { Bench, Rig } from './rig/bench.ts';
import { busyNote, type Contestant, contest } from './rig/contest.ts';
import { startGateway } from './rig/gateway.ts';
import { startHaproxy } from './rig/haproxy.ts';
import { installedVersion } from './rig/installed.ts';
import { startNginx } from './rig/nginx.ts';
import type { RunningProxy } from './rig/proxies.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { requireSameAnswers } from './rig/same-answers.ts';

interface Peer {
  readonly name: string;
  readonly checks: boolean;
  readonly does: string;
  start(rig: Rig, upstreamPort: string): Promise<RunningProxy>;
}

const PEERS: readonly Peer[] = [
  {
    name: 'haproxy',
    checks: true,
    does: 'one thread; credential (SHA-256, map), one rate (stick table), no log',
    start: ({ plan, newFolder }, upstreamPort) =>
      startHaproxy({ folder: newFolder(), upstreamPort, tokens: plan.tokens }),
  },
  {
    name: 'nginx',
    checks: false,
    does: 'one worker; checks nothing, no log',
    start: ({ newFolder }, upstreamPort) => startNginx({ folder: newFolder(), upstreamPort }),
  },
];

export const gatewayNative: Bench = async (rig) => {
  const { tokens, seconds, rounds } = rig.plan;
  const installed = PEERS.flatMap((peer) => {
    const version = installedVersion(peer.name);
    return version === undefined ? [] : [{ ...peer, version }];
  });
  const absent = PEERS.filter(({ name }) => !installed.some((peer) => peer.name === name));
  const absence = absent.map(({ name }) => `gateway beside ${name}: not measured, ${name} is not installed`);
  if (installed.length === 0) return { rows: [], notes: absence };

  const gateway = await startGateway(rig, tokens);
  const { port } = gateway.upstream;
  const proxies: Record<string, RunningProxy> = {};
  for (const peer of installed) proxies[peer.name] = await peer.start(rig, port);
  const contestants: Record<string, Contestant> = { ours: gateway.ours, ...proxies };
  const checking = installed.filter(({ checks }) => checks).map(({ name }) => name);
  await requireSameAnswers(contestants, ['ours', ...checking], port);
  const { figures, cpuFigures, busy } = await contest(contestants, {
    order: { kind: 'forward', tokens, connections: 32 },
    rounds,
    seconds,
    warmUp: Object.fromEntries(Object.keys(contestants).map((name) => [name, tokens])),
  });
  await Promise.all([gateway, ...Object.values(proxies)].map((server) => server.stop()));
  const { ours = [] } = figures;
  const byCpu = installed.map(
    ({ name }) => `${times(medianRatio(cpuFigures.ours ?? [], cpuFigures[name] ?? []))} of ${name}`,
  );
  return {
    rows: installed.map(({ name, version, does }) => ({
      what: `gateway, the same, beside ${name}`,
      ours: rate(median(ours)),
      against: `${rate(median(figures[name] ?? []))} ${name} ${version}, ${does}`,
      ratio: times(medianRatio(ours, figures[name] ?? [])),
      goal: 'none',
      met: undefined,
    })),
    notes: [
      `gateway beside programs in C: for each second of CPU time ${byCpu.join(', ')}; ${busyNote(busy)}. Where a share is well below 100 %, the caller set the pace, and the ratio by CPU time is the one to read.`,
      ...absence,
    ],
  };
};
