/** The look-up of a token whose facts are not in memory, among ten million in PostgreSQL and among a hundredth of them. */
import { auditSeal } from '../packages/server/src/core/audit-chain.ts';
import type { Store } from '../packages/server/src/core/store-port.ts';
import { openStore } from '../packages/server/src/store/open.ts';
import type { Bench } from './rig/bench.ts';
import { type Database, startServer } from './rig/postgres.ts';
import { microseconds, times } from './rig/report.ts';
import { median, medianRatio, percentile } from './rig/rounds.ts';
import { vastDigest } from './rig/vast-store.ts';

const LOOKUPS = 2000;
const SMALLER = 100;
const GOAL_GROWTH = 1.5;

export const postgresLookup: Bench = async ({ plan, newFolder }) => {
  const tokens = { vast: plan.vastStore, small: plan.vastStore / SMALLER };
  const server = await startServer();
  const began = performance.now();
  const small = await opened(await server.vast(newFolder(), tokens.small));
  const vast = await opened(await server.vast(newFolder(), tokens.vast));
  const seeding = (performance.now() - began) / 1000;
  const p50 = { vast: [] as number[], small: [] as number[] };
  const p99 = { vast: [] as number[], small: [] as number[] };
  // The first round of each fills its connections and is not counted.
  for (let round = -1; round < plan.rounds; round += 1) {
    for (const [name, store] of Object.entries({ vast, small }) as ['vast' | 'small', Store][]) {
      const took = await lookUps(store, tokens[name]);
      if (round < 0) continue;
      p50[name].push(percentile(took, 0.5));
      p99[name].push(percentile(took, 0.99));
    }
  }
  await Promise.all([vast.close(), small.close()]);
  await server.stop();
  const of = (count: number): string => count.toLocaleString('en');
  const row = (which: string, { vast: ours, small: few }: typeof p50) => {
    const growth = medianRatio(ours, few);
    return {
      what: `cold look-up among ${of(tokens.vast)} tokens in PostgreSQL, ${which}`,
      ours: microseconds(median(ours)),
      against: `${microseconds(median(few))} ours among ${of(tokens.small)}`,
      ratio: times(growth),
      goal: `<= ${GOAL_GROWTH}x`,
      met: growth <= GOAL_GROWTH,
    };
  };
  return {
    rows: [row('p50', p50), row('p99', p99)],
    notes: [
      `cold look-up in PostgreSQL: one after the other, by turns in both databases, of tokens at random; each reads its pages from the memory of the server or of the system, as far as they have room; the ${of(tokens.vast + tokens.small)} tokens took ${seeding.toFixed(0)} s to make`,
    ],
  };
};

function opened({ url }: Database): Promise<Store> {
  const seal = auditSeal(new Uint8Array(32));
  return openStore({ url, dataFolder: '/nonexistent', seal, clock: { now: Date.now } });
}

/** Milliseconds of each. */
async function lookUps(store: Store, tokens: number): Promise<Float64Array> {
  const took = new Float64Array(LOOKUPS);
  for (let index = 0; index < LOOKUPS; index += 1) {
    const digest = vastDigest(Math.floor(Math.random() * tokens));
    const start = performance.now();
    if ((await store.find(digest)) === undefined) throw new Error('a token was not found');
    took[index] = performance.now() - start;
  }
  return took;
}
