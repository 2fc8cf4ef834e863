/** The same platform on PostgreSQL: verdicts from memory and from the database. */
import { mkdirSync } from 'node:fs';
import type { Bench } from './rig/bench.ts';
import { contest } from './rig/contest.ts';
import { nodeEnv, startServer } from './rig/postgres.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';

/** Far fewer than there are: nearly every verdict reads the database. */
const HARDLY_ANY = '64';

export const postgres: Bench = async ({ plan, seeded, newFolder }) => {
  const { tokens, seconds, rounds } = plan;
  const server = await startServer();
  const database = await server.seeded(newFolder(), tokens);
  const env = nodeEnv(database);
  const warmNode = await startTessera({ folder: made(newFolder()), env });
  const sqlite = await startTessera({ folder: await seeded(tokens) });
  const warm = await contest(
    { ours: warmNode, sqlite },
    { order: { kind: 'verify', tokens, connections: 32 }, rounds, seconds, warmUp: { ours: tokens, sqlite: tokens } },
  );
  await Promise.all([warmNode.stop(), sqlite.stop()]);
  const cold = { ...env, TESSERA_CACHE_TOKENS: HARDLY_ANY };
  const coldNode = await startTessera({ folder: made(newFolder()), env: cold });
  const coldFile = await startTessera({ folder: await seeded(tokens), env: { TESSERA_CACHE_TOKENS: HARDLY_ANY } });
  const reading = await contest(
    { ours: coldNode, sqlite: coldFile },
    { order: { kind: 'verify', tokens, connections: 32 }, rounds, seconds, warmUp: { ours: 1000, sqlite: 1000 } },
  );
  await Promise.all([coldNode.stop(), coldFile.stop()]);

  await server.stop();
  const of = (count: number): string => count.toLocaleString('en');
  return {
    rows: [
      {
        what: `verify over HTTP on PostgreSQL, facts in memory, ${of(tokens)} tokens`,
        ours: rate(median(warm.figures.ours)),
        against: `${rate(median(warm.figures.sqlite))} ours on SQLite`,
        ratio: times(medianRatio(warm.figures.ours, warm.figures.sqlite)),
        goal: '',
        met: undefined,
      },
      {
        what: 'the same, nearly every verdict read from the database',
        ours: rate(median(reading.figures.ours)),
        against: `${rate(median(reading.figures.sqlite))} ours on SQLite`,
        ratio: times(medianRatio(reading.figures.ours, reading.figures.sqlite)),
        goal: '',
        met: undefined,
      },
    ],
    notes: ['PostgreSQL runs on the same machine, on any of its cores, without fsync'],
  };
};

function made(folder: string): string {
  mkdirSync(folder);
  return folder;
}
