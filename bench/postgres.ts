/** The same platform on PostgreSQL: verdicts from memory and from the database, and the look-up among many tokens. */
import { mkdirSync } from 'node:fs';
import { digestKey } from '@tessera/verify';
import { auditSeal } from '../packages/server/src/core/audit-chain.ts';
import { openStore } from '../packages/server/src/store/open.ts';
import type { Bench } from './rig/bench.ts';
import { contest } from './rig/contest.ts';
import { type Database, nodeEnv, startServer } from './rig/postgres.ts';
import { microseconds, rate, times } from './rig/report.ts';
import { median, medianRatio, percentile } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';
import { tokenText } from './rig/tokens.ts';

/** Far fewer than there are: nearly every verdict reads the database. */
const HARDLY_ANY = '64';
const LOOKUPS = 2000;
const GOAL_GROWTH = 1.5;

export const postgres: Bench = async ({ plan, seeded, newFolder }) => {
  const { tokens, seconds, rounds, largeStore } = plan;
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

  const began = performance.now();
  const large = await server.seeded(newFolder(), largeStore);
  const seeding = (performance.now() - began) / 1000;
  const small = await lookUps(database, tokens);
  const among = await lookUps(large, largeStore);
  await server.stop();
  const of = (count: number): string => count.toLocaleString('en');
  const growth = among.p50 / small.p50;
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
      {
        what: `cold look-up among ${of(largeStore)} tokens in PostgreSQL, p99 (p50)`,
        ours: `${microseconds(among.p99)} (${microseconds(among.p50)})`,
        against: `${microseconds(small.p99)} (${microseconds(small.p50)}) among ${of(tokens)}`,
        ratio: times(growth),
        goal: `p50 <= ${GOAL_GROWTH}x`,
        met: growth <= GOAL_GROWTH,
      },
    ],
    notes: [
      `PostgreSQL runs on the same machine, on any of its cores, without fsync; ${of(largeStore)} tokens took ${seeding.toFixed(0)} s to seed: ten times as many would take longer than all other benches together`,
    ],
  };
};

/** Each alone and for the first time, of tokens at random. Milliseconds. */
async function lookUps({ url }: Database, tokens: number): Promise<{ readonly p50: number; readonly p99: number }> {
  const seal = auditSeal(new Uint8Array(32));
  const store = await openStore({ url, dataFolder: '/nonexistent', seal, clock: { now: Date.now } });
  const took = new Float64Array(LOOKUPS);
  for (let index = -LOOKUPS / 10; index < LOOKUPS; index += 1) {
    const digest = digestKey(tokenText(Math.floor(Math.random() * tokens)));
    const start = performance.now();
    if ((await store.find(digest)) === undefined) throw new Error('a token was not found');
    if (index >= 0) took[index] = performance.now() - start;
  }
  await store.close();
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99) };
}

function made(folder: string): string {
  mkdirSync(folder);
  return folder;
}
