/** `POST /v1/verify` against better-auth's `verifyApiKey` behind a bare server: the same load, the same number of keys. */
import { mkdirSync } from 'node:fs';
import type { Bench, Rig } from './rig/bench.ts';
import { type Child, startChild } from './rig/child.ts';
import { type Contestant, contest } from './rig/contest.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';

const GOAL = 25;

export const betterAuth: Bench = async (rig) => {
  const { tokens, seconds, rounds } = rig.plan;
  const tessera = await startTessera({ folder: await rig.seeded(tokens) });
  const stored = await startPeer('database', rig);
  const unstored = await startPeer('memory', rig);
  // Every token once for those that keep it in memory; the other only has to be compiled.
  const warmUp = { ours: tokens, stored: 2000, unstored: tokens };
  const { figures, cpuFigures } = await contest(
    { ours: tessera, stored, unstored },
    { order: { kind: 'verify', tokens, connections: 32 }, rounds, seconds, warmUp },
  );
  await Promise.all([tessera.stop(), stored.stop(), unstored.stop()]);
  const what = `verify over HTTP, ${tokens.toLocaleString('en')} tokens, each with a limit`;
  const ratio = medianRatio(figures.ours, figures.stored);
  return {
    rows: [
      {
        what,
        ours: rate(median(figures.ours)),
        against: `${rate(median(figures.stored))} better-auth 1.7.5 \`verifyApiKey\`, SQLite`,
        ratio: times(ratio),
        goal: `>= ${GOAL}x`,
        met: ratio >= GOAL,
      },
      {
        what,
        ours: rate(median(figures.ours)),
        against: `${rate(median(figures.unstored))} the same without a store: its secondary storage is a Map`,
        ratio: times(medianRatio(figures.ours, figures.unstored)),
        goal: 'none',
        met: undefined,
      },
    ],
    notes: [
      `better-auth: for each second of CPU time ${times(medianRatio(cpuFigures.ours, cpuFigures.stored))}, and ${times(medianRatio(cpuFigures.ours, cpuFigures.unstored))} without a store`,
      'better-auth: rate limit on, one permission asked, `node:sqlite` with a log that is not synced at each commit (ours is), no log lines; ' +
        'it writes the row of the key at each verification. In a Map it keeps keys and counts in its process alone.',
    ],
  };
};

async function startPeer(
  storage: 'database' | 'memory',
  { plan, newFolder }: Rig,
): Promise<Contestant & Pick<Child, 'stop'>> {
  const folder = newFolder();
  mkdirSync(folder);
  const child = startChild(new URL('./processes/better-auth.ts', import.meta.url), {
    core: 'server',
    args: [folder, storage, String(plan.tokens)],
  });
  return { pid: child.pid, port: Number(await child.printed(/port ([0-9]+)/)), stop: child.stop };
}
