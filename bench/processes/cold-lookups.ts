/** Look-ups in two stores of different size, by turns, each token for the first time: what a verdict costs before its facts are in memory. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { digestBytes, digestKey } from '@tessera/verify';
import { auditSeal } from '../../packages/server/src/core/audit-chain.ts';
import type { Store } from '../../packages/server/src/core/store-port.ts';
import { openStore } from '../../packages/server/src/store/open.ts';
import { median, percentile } from '../rig/rounds.ts';
import { databaseOf } from '../rig/seed.ts';
import { tokenText } from '../rig/tokens.ts';

export interface ColdOrder {
  readonly large: { readonly folder: string; readonly tokens: number };
  readonly small: { readonly folder: string; readonly tokens: number };
  readonly rounds: number;
}

/** Milliseconds; medians of the rounds. */
export interface ColdReport {
  readonly large: { readonly p50: number; readonly p99: number };
  readonly small: { readonly p50: number; readonly p99: number };
  /** A prepared read of one column of one row of the large store. */
  readonly floor: { readonly p50: number; readonly p99: number };
  /** Median over the rounds of the ratio of the rounds' medians. */
  readonly growth: number;
}

const LOOKUPS = 5000;

process.once('message', (order: ColdOrder) => {
  measure(order).then(
    (report) => process.send?.(report, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function measure({ large, small, rounds }: ColdOrder): Promise<ColdReport> {
  const stores = { large: await open(large.folder), small: await open(small.folder) };
  const bare = new DatabaseSync(databaseOf(large.folder), { readOnly: true });
  const read = bare.prepare('select token from secrets where digest = ?');
  const turns = {
    large: () => times(large.tokens, (text) => stores.large.find(digestKey(text))),
    small: () => times(small.tokens, (text) => stores.small.find(digestKey(text))),
    floor: () => times(large.tokens, (text) => read.get(digestBytes(digestKey(text)))),
  };
  for (const turn of Object.values(turns)) turn();
  const results = Array.from({ length: rounds }, () => ({
    large: turns.large(),
    small: turns.small(),
    floor: turns.floor(),
  }));
  await Promise.all([stores.large.close(), stores.small.close()]);
  bare.close();
  const overall = (name: keyof typeof turns) => ({
    p50: median(results.map((result) => percentile(result[name], 0.5))),
    p99: median(results.map((result) => percentile(result[name], 0.99))),
  });
  return {
    large: overall('large'),
    small: overall('small'),
    floor: overall('floor'),
    growth: median(results.map((result) => percentile(result.large, 0.5) / percentile(result.small, 0.5))),
  };
}

/** How long each of many look-ups took, of tokens at random. */
function times(tokens: number, lookUp: (text: string) => unknown): Float64Array {
  const texts = Array.from({ length: LOOKUPS }, () => tokenText(Math.floor(Math.random() * tokens)));
  return Float64Array.from(texts, (text) => {
    const start = performance.now();
    if (lookUp(text) === undefined) throw new Error('a token was not found');
    return performance.now() - start;
  });
}

function open(folder: string): Promise<Store> {
  const seal = auditSeal(new Uint8Array(32));
  return openStore({ url: undefined, dataFolder: join(folder, 'data'), seal, clock: { now: Date.now } });
}
