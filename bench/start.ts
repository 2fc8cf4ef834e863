/** From the start of the process to its first answer, with an empty data folder and with a full one. */
import { mkdirSync } from 'node:fs';
import type { Bench } from './rig/bench.ts';
import { median, takeTurns } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';

const GOAL_MILLISECONDS = 1000;

export const start: Bench = async ({ plan, newFolder, seeded }) => {
  const full = await seeded(plan.tokens);
  const startIn = async (folder: string): Promise<number> => {
    const tessera = await startTessera({ folder });
    await tessera.stop();
    return tessera.startMilliseconds;
  };
  const figures = await takeTurns(plan.rounds, {
    'an empty data folder': () => {
      const folder = newFolder();
      mkdirSync(folder);
      return startIn(folder);
    },
    [`${plan.tokens.toLocaleString('en')} tokens`]: () => startIn(full),
  });
  return {
    rows: Object.entries(figures).map(([what, milliseconds]) => ({
      what: `start to first answer, ${what}`,
      ours: `${Math.round(median(milliseconds))} ms`,
      against: '',
      ratio: '',
      goal: `< ${GOAL_MILLISECONDS} ms`,
      met: median(milliseconds) < GOAL_MILLISECONDS,
    })),
    notes: [],
  };
};
