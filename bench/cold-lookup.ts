/** The look-up of a token whose facts are not in memory, among many and among few. */
import type { ColdReport } from './processes/cold-lookups.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { microseconds, times } from './rig/report.ts';

const GOAL_MILLISECONDS = 1;
const GOAL_GROWTH = 1.3;

export const coldLookup: Bench = async ({ plan, seeded }) => {
  const { largeStore, smallStore, rounds } = plan;
  const large = { folder: await seeded(largeStore), tokens: largeStore };
  const small = { folder: await seeded(smallStore), tokens: smallStore };
  const child = startChild(new URL('./processes/cold-lookups.ts', import.meta.url), { core: 'server' });
  const reported = child.message();
  child.send({ large, small, rounds });
  const report = (await reported) as ColdReport;
  await child.stop();
  const of = (count: number): string => count.toLocaleString('en');
  return {
    rows: [
      {
        what: `cold look-up among ${of(largeStore)} tokens in SQLite, p99 (p50)`,
        ours: `${microseconds(report.large.p99)} (${microseconds(report.large.p50)})`,
        against: `${microseconds(report.floor.p99)} (${microseconds(report.floor.p50)}) prepared read of one column`,
        ratio: times(report.large.p50 / report.floor.p50),
        goal: `p99 < ${microseconds(GOAL_MILLISECONDS)}`,
        met: report.large.p99 < GOAL_MILLISECONDS,
      },
      {
        what: `the same, ${of(largeStore)} tokens against ${of(smallStore)}, p50`,
        ours: microseconds(report.large.p50),
        against: `${microseconds(report.small.p50)} ours among ${of(smallStore)}`,
        ratio: times(report.growth),
        goal: `<= ${GOAL_GROWTH}x`,
        met: report.growth <= GOAL_GROWTH,
      },
    ],
    notes: [
      'cold look-up: the memory of facts is bypassed; the pages of the file are in the memory of the system, as far as it has room',
    ],
  };
};
