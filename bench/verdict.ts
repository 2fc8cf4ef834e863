/** A verdict in process: a scope, an audience, an address rule and a limit, against the digest and the Map alone. */
import type { VerdictReport } from './processes/verdicts.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';

const GOAL_RATE = 1_000_000;
const GOAL_RATIO = 0.5;

export const verdict: Bench = async ({ plan }) => {
  const child = startChild(new URL('./processes/verdicts.ts', import.meta.url), { core: 'server' });
  const reported = child.message();
  child.send({ rounds: plan.rounds, seconds: plan.seconds / 2 });
  const { ours, floor } = (await reported) as VerdictReport;
  await child.stop();
  const ratio = medianRatio(ours, floor);
  const row = {
    what: 'verdict in process: a scope, an address rule, a limit',
    ours: rate(median(ours)),
    against: `${rate(median(floor))} SHA-256, Map`,
    ratio: times(ratio),
  };
  return {
    rows: [
      { ...row, goal: `>= ${rate(GOAL_RATE)}`, met: median(ours) >= GOAL_RATE },
      { ...row, goal: `>= ${GOAL_RATIO}x`, met: ratio >= GOAL_RATIO },
    ],
    notes: [],
  };
};
