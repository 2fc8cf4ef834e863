/** What an exact limit costs that is counted in Redis for all nodes, beside the same limit counted in the node itself. */
import { cpSync } from 'node:fs';
import { startRedis } from '../test/support/redis.ts';
import type { Bench } from './rig/bench.ts';
import { busyNote, contest } from './rig/contest.ts';
import { installedVersion } from './rig/installed.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';

export const redisLimit: Bench = async ({ plan, seeded, newFolder }) => {
  const version = installedVersion('redis-server');
  if (version === undefined) return { rows: [], notes: ['limits in Redis: not measured, there is no `redis-server`'] };
  const { smallStore: tokens, seconds, rounds } = plan;
  const folder = await seeded(tokens);
  // Two nodes with a store each: they must not wait for each other's counts of use.
  const other = newFolder();
  cpSync(folder, other, { recursive: true });
  const redis = await startRedis();
  const inRedis = await startTessera({ folder, env: { TESSERA_REDIS_URL: redis.url } });
  const inNode = await startTessera({ folder: other });
  const { figures, cpuFigures, busy } = await contest(
    { inRedis, inNode },
    {
      order: { kind: 'verify', tokens, connections: 32 },
      rounds,
      seconds,
      warmUp: { inRedis: 2 * tokens, inNode: 2 * tokens },
    },
  );
  const script = await scriptMicroseconds(redis);
  await Promise.all([inRedis.stop(), inNode.stop()]);
  await redis.close();
  const cost = (perCpuSecond: readonly number[]): string => `${(1e6 / median(perCpuSecond)).toFixed(0)} µs`;
  return {
    rows: [
      {
        what: `verify over HTTP, ${tokens.toLocaleString('en')} tokens, each with an exact limit that is counted in Redis`,
        ours: rate(median(figures.inRedis)),
        against: `${rate(median(figures.inNode))} counted in the node`,
        ratio: times(medianRatio(figures.inRedis, figures.inNode)),
        goal: '',
        met: undefined,
      },
      {
        what: 'the same, CPU time of a request in the node',
        ours: cost(cpuFigures.inRedis),
        against: `${cost(cpuFigures.inNode)} counted in the node`,
        // More is a greater cost.
        ratio: times(medianRatio(cpuFigures.inNode, cpuFigures.inRedis)),
        goal: '',
        met: undefined,
      },
    ],
    notes: [
      `limits in Redis: ${version} on the same machine, on any of its cores; its script took ${script.toFixed(0)} µs of Redis' own time for each request; ${busyNote(busy)}`,
    ],
  };
};

/** On average, as Redis itself counts. */
async function scriptMicroseconds(redis: Awaited<ReturnType<typeof startRedis>>): Promise<number> {
  const told = String(await redis.command('INFO', 'commandstats'));
  return Number(/^cmdstat_(?:evalsha|fcall):.*usec_per_call=([0-9.]+)/m.exec(told)?.[1]);
}
