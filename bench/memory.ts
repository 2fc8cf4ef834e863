/** What a flood of credentials that nobody was ever given leaves in memory and takes of it, and how often it reaches the store. */
import type { Bench, Plan } from './rig/bench.ts';
import { startLoad } from './rig/load.ts';
import { highestMebibytes } from './rig/machine.ts';
import type { Row } from './rig/report.ts';
import type { Kind } from './rig/requests.ts';
import { startTessera, type Tessera } from './rig/tessera.ts';
import { startUpstream } from './rig/upstream.ts';

const CONNECTIONS = 32;
/** Good requests before and between; after as many a heap has grown to the size that it works at. */
const GOOD_REQUESTS = 100_000;
/** Goals in MiB. */
const KEPT = 8;
const TAKEN = 64;

interface Flood {
  readonly what: string;
  readonly door: 'verify' | 'gateway';
  readonly good: Kind;
  /** The bad ones, in equal parts. */
  readonly bad: readonly Kind[];
  readonly failedPerMinute: number;
}

/** The default would end the flood of one source after a hundred. */
const UNLIMITED = 1_000_000;
/** With this each source is remembered for a minute, though it fails once. */
const ONE = 1;

const FLOODS: readonly Flood[] = [
  {
    what: 'half unknown and half mistyped, verify',
    door: 'verify',
    good: 'verify',
    bad: ['verify unknown', 'verify malformed'],
    failedPerMinute: UNLIMITED,
  },
  {
    what: 'half unknown and half mistyped, gateway',
    door: 'gateway',
    good: 'forward',
    bad: ['forward unknown', 'forward malformed'],
    failedPerMinute: UNLIMITED,
  },
  {
    what: 'each from an address of its own, gateway',
    door: 'gateway',
    good: 'forward',
    bad: ['forward strangers'],
    failedPerMinute: ONE,
  },
];

export const memory: Bench = async ({ plan, seeded }) => {
  const folder = await seeded(plan.smallStore);
  const upstream = await startUpstream();
  const rows: Row[] = [];
  let lookups = 0;
  for (const flood of FLOODS) {
    const tessera = await startTessera({
      folder,
      tellsLiveHeap: true,
      env: {
        TESSERA_CONFIG: upstream.configIn(folder),
        TESSERA_FAILED_CREDENTIALS_PER_MINUTE: String(flood.failedPerMinute),
        // The caller is a proxy, that tells of the strangers behind it.
        TESSERA_TRUSTED_PROXIES: '127.0.0.1',
      },
    });
    const measured = await measure(tessera, flood, plan);
    await tessera.stop();
    lookups += measured.lookups;
    rows.push(...rowsOf(measured, flood, plan));
  }
  await upstream.stop();
  rows.push({
    what: 'look-ups in the store for tokens with a wrong checksum',
    ours: String(lookups),
    against: '',
    ratio: '',
    goal: '0',
    met: lookups === 0,
  });
  const notes = [
    'memory: *kept* is what is still alive, in the heap and outside, when all garbage is collected before and after; *taken* is how much higher than with good requests the resident size of the whole process ever was',
  ];
  return { rows, notes };
};

interface Measured {
  /** In MiB: alive before and after, and the highest resident size. */
  readonly alive: readonly [before: number, after: number];
  readonly highest: readonly [before: number, after: number];
  /** In the store, for tokens with a wrong checksum. */
  readonly lookups: number;
}

async function measure(tessera: Tessera, { door, good, bad }: Flood, plan: Plan): Promise<Measured> {
  const { badTokens, smallStore: tokens } = plan;
  const load = startLoad();
  const port = door === 'verify' ? tessera.port : tessera.gatewayPort;
  const ask = (kind: Kind, requests: number) =>
    load.run({ port, connections: CONNECTIONS, tokens, kind, requests }, [tessera.pid]);
  const goodRequests = Math.min(GOOD_REQUESTS, badTokens);
  await ask(good, goodRequests);
  const aliveBefore = await tessera.liveMebibytes();
  // A heap that was emptied grows again: what good requests take is there before the flood.
  await ask(good, goodRequests);
  const highestBefore = highestMebibytes(tessera.pid);
  let lookups = 0;
  for (const kind of bad) {
    const missesBefore = await misses(tessera);
    await ask(kind, badTokens / bad.length);
    if (kind.endsWith('malformed')) lookups += (await misses(tessera)) - missesBefore;
  }
  const highestAfter = highestMebibytes(tessera.pid);
  const aliveAfter = await tessera.liveMebibytes();
  await load.stop();
  return { alive: [aliveBefore, aliveAfter], highest: [highestBefore, highestAfter], lookups };
}

function rowsOf({ alive, highest }: Measured, { what }: Flood, { badTokens }: Plan): readonly Row[] {
  const count = badTokens.toLocaleString('en');
  const row = (measure: string, [before, after]: readonly [number, number], goal: number, against: string): Row => {
    const growth = after - before;
    return {
      what: `memory ${measure} ${count} bad tokens, ${what}`,
      ours: `${growth < 0 ? '' : '+'}${growth.toFixed(0)} MiB`,
      against: `${before.toFixed(0)} MiB ${against}`,
      ratio: '',
      goal: `<= ${goal} MiB`,
      met: growth <= goal,
    };
  };
  return [
    row('kept after', alive, KEPT, 'alive before'),
    row('taken by', highest, TAKEN, 'at most with good requests'),
  ];
}

/** Look-ups of token facts that memory could not answer, as the metrics count them. */
async function misses({ port }: Tessera): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = /^tessera_verify_cache_requests_total\{outcome="miss"\} ([0-9]+)$/m.exec(page);
  if (found === null) throw new Error('the metrics do not tell how often the store was asked');
  return Number(found[1]);
}
