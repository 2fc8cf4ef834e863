/** A hundred thousand revocations a minute, and verifiers that follow them: how far behind does the last of them get? */
import { mkdirSync } from 'node:fs';
import type { FollowersOrder, FollowersReport } from './processes/followers.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { cpuSeconds } from './rig/machine.ts';
import { askPlatform } from './rig/platform-api.ts';
import { type Database, nodeEnv, startServer } from './rig/postgres.ts';
import { rate } from './rig/report.ts';
import { median } from './rig/rounds.ts';
import { PLAIN_TOKEN } from './rig/seed.ts';
import { startTessera } from './rig/tessera.ts';

const VERIFIERS = 50;
const A_MINUTE = 100_000;
const TOKENS_OF_OWNER = 100;
/** The rate counts as reached a little below it: the first answer and the last may take differently long. */
const REACHED = 0.98;
const GOAL_MILLISECONDS = 1000;

export const followers: Bench = async ({ plan, newFolder }) => {
  const ownersPerSecond = A_MINUTE / 60 / TOKENS_OF_OWNER;
  const count = Math.round((plan.quick ? 5 : 25) * ownersPerSecond);
  const server = await startServer();
  const database = await server.seeded(newFolder(), count * TOKENS_OF_OWNER, PLAIN_TOKEN);
  const folder = newFolder();
  mkdirSync(folder);
  const node = await startTessera({ folder, env: nodeEnv(database) });
  const owners = await giveOwners(database, node.port, count);
  const child = startChild(new URL('./processes/followers.ts', import.meta.url), { core: 'load' });
  const before = cpuSeconds([node.pid]);
  const reported = child.message();
  child.send({
    port: node.port,
    verifiers: VERIFIERS,
    owners,
    tokensOfOwner: TOKENS_OF_OWNER,
    ownersPerSecond,
  } satisfies FollowersOrder);
  const { revokedPerSecond, refusedAfter, lagSeconds } = (await reported) as FollowersReport;
  const cpu = cpuSeconds([node.pid]) - before;
  await child.stop();
  await node.stop();
  await server.stop();
  const longest = Math.max(...refusedAfter);
  const atLast = refusedAfter.at(-1) ?? Number.NaN;
  const isReached = 60 * revokedPerSecond >= REACHED * A_MINUTE;
  return {
    rows: [
      {
        what: `${A_MINUTE.toLocaleString('en')} revocations a minute, followed by ${VERIFIERS} verifiers: acknowledged to the last refusal, longest (p50, last)`,
        ours: `${longest.toFixed(0)} ms (${median(refusedAfter).toFixed(0)} ms, ${atLast.toFixed(0)} ms) at ${rate(revokedPerSecond)}`,
        against: '',
        ratio: '',
        goal: `<= ${GOAL_MILLISECONDS} ms at ${rate(A_MINUTE / 60)}`,
        met: isReached && longest <= GOAL_MILLISECONDS,
      },
    ],
    notes: [
      `followers: ${(count * TOKENS_OF_OWNER).toLocaleString('en')} tokens, revoked over the API by deleting their owners, ${TOKENS_OF_OWNER} tokens each; one node on PostgreSQL, ${cpu.toFixed(1)} s of its CPU time in all; the verifiers' own \`lagSeconds\`, which is up to 2 where nothing happens (the node looks into its store once a second, and beats as often), was at most ${lagSeconds.busy.toFixed(1)} (${lagSeconds.idle.toFixed(1)} before); a token a second, and the very last, is asked about every 5 ms by all verifiers, which share one core`,
    ],
  };
};

/** Makes owners, and gives each of them the next tokens. */
async function giveOwners(database: Database, port: number, count: number): Promise<readonly string[]> {
  const owners: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const { id } = await askPlatform({ port, path: '/v1/owners', body: { type: 'service', name: `bench ${made}` } });
    owners.push(String(id));
  }
  await database.query(
    `update tokens set owner = ($1::text[])[1 + right(id, 21)::bigint / $2] where id like 'tok\\_bench%'`,
    [owners, TOKENS_OF_OWNER],
  );
  await database.query('vacuum analyze tokens');
  return owners;
}
