/** `POST /oauth/introspect` against oidc-provider's own introspection: the same load, the same number of tokens. */
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { contest } from './rig/contest.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';

const GOAL = 5;

export const introspection: Bench = async (rig) => {
  const { tokens, seconds, rounds } = rig.plan;
  const tessera = await startTessera({ folder: await rig.seeded(tokens) });
  const child = startChild(new URL('./processes/oidc-provider.ts', import.meta.url), {
    core: 'server',
    args: [String(tokens)],
  });
  const peer = { pid: child.pid, port: Number(await child.printed(/port ([0-9]+)/)) };
  const { figures, cpuFigures } = await contest(
    { ours: tessera, peer: { ...peer, kind: 'introspect oidc-provider' } },
    // Every token once for the one that keeps it in memory; the other only has to be compiled.
    { order: { kind: 'introspect', tokens, connections: 32 }, rounds, seconds, warmUp: { ours: tokens, peer: 2000 } },
  );
  await Promise.all([tessera.stop(), child.stop()]);
  const ratio = medianRatio(figures.ours, figures.peer);
  return {
    rows: [
      {
        what: `introspection, ${tokens.toLocaleString('en')} tokens`,
        ours: rate(median(figures.ours)),
        against: `${rate(median(figures.peer))} oidc-provider 9.13.3, its tokens in a Map`,
        ratio: times(ratio),
        goal: `>= ${GOAL}x`,
        met: ratio >= GOAL,
      },
    ],
    notes: [
      `introspection: for each second of CPU time ${times(medianRatio(cpuFigures.ours, cpuFigures.peer))} oidc-provider; its tokens are opaque ones of client credentials, and it has no store`,
    ],
  };
};
