/**
 * Verdicts of a verifier that follows a server, by turns with their floor; what the tokens that it keeps take of memory; and what
 * a limit costs that it counts in shares.
 */
import { hash } from 'node:crypto';
import { setImmediate as turnOver } from 'node:timers/promises';
import {
  circumstances,
  createVerifier,
  type MaybePromise,
  type Presented,
  type RemoteVerifier,
  type Verdict,
} from '@tessera/verify';
import { takeTurns } from '../rig/rounds.ts';
import { tokenText } from '../rig/tokens.ts';
import type { VerdictReport } from './verdicts.ts';

export interface Followed {
  readonly url: string;
  /** Management token with the scope `verify`. */
  readonly token: string;
}

export interface VerifierOrder {
  /** A server whose tokens have no limits. */
  readonly plain: Followed;
  /** A server whose tokens have one that may be counted in shares. */
  readonly leased: Followed;
  readonly rounds: number;
  readonly seconds: number;
  /** Tokens that are kept for the figure of memory. */
  readonly tokens: number;
}

export interface VerifierReport {
  /** Of a thousand tokens, and of all: each is judged as often as any other. */
  readonly few: VerdictReport;
  readonly all: VerdictReport;
  /** Of a hundred tokens, each with a limit; the floor is the same without. */
  readonly leased: VerdictReport;
  /** Share of the verdicts on them that waited for the server. */
  readonly waited: number;
  /** Bytes of the heap and beside it, for each token that is kept. */
  readonly bytesOfToken: number;
}

const FEW = 1000;
const BATCH = 10_000;
/** As many as may wait at once, so that the server is asked in few calls. */
const LOOKED_UP_AT_ONCE = 1000;
/** Tokens with a limit: a share is asked for in a call of its own. */
const LEASED = 100;
/** Verdicts that wait for shares at once, well below what a verifier lets wait. */
const MOST_WAITING = 1000;

const asked = { circumstances: circumstances({ address: '10.1.2.3' }) };

process.once('message', (order: VerifierOrder) => {
  void report(order).then((result) => process.send?.(result, () => process.disconnect()));
});

async function report({ plain, leased, rounds, seconds, tokens }: VerifierOrder): Promise<VerifierReport> {
  const verifier = await following(plain);
  const few = await compare(verifier, FEW, { rounds, seconds });
  const before = await liveBytes();
  await keep(verifier, FEW, tokens);
  const bytesOfToken = ((await liveBytes()) - before) / (tokens - FEW);
  const all = await compare(verifier, tokens, { rounds, seconds });
  await verifier.close();
  return { few, all, bytesOfToken, ...(await compareLeased({ plain, leased }, { rounds, seconds })) };
}

async function following({ url, token }: Followed): Promise<RemoteVerifier> {
  const verifier = createVerifier({ url, token, audience: 'default', scopes: ['orders:read'] });
  await verifier.ready();
  return verifier;
}

/** By turns: verdicts on as many tokens, with a limit and without. */
async function compareLeased(
  servers: Pick<VerifierOrder, 'plain' | 'leased'>,
  { rounds, seconds }: Pick<VerifierOrder, 'rounds' | 'seconds'>,
): Promise<Pick<VerifierReport, 'leased' | 'waited'>> {
  const plain = await following(servers.plain);
  const leased = await following(servers.leased);
  await keep(plain, 0, LEASED);
  await keep(leased, 0, LEASED);
  const presented = Array.from({ length: LEASED }, (_, index) => presentedOf(index));
  let waited = 0;
  let judged = 0;
  let waiting: Promise<Verdict>[] = [];
  const one = (at: number): boolean => {
    const verdict = verdictOf(leased, presented[at % LEASED]);
    judged += 1;
    if (!(verdict instanceof Promise)) return verdict?.valid === true;
    // Its share is on its way: it is judged when that is here.
    waiting.push(verdict);
    return true;
  };
  const settled = async (most: number): Promise<void> => {
    if (waiting.length <= most) return;
    waited += waiting.length;
    for (const verdict of await Promise.all(waiting)) if (!verdict.valid) throw new Error(`refused: ${verdict.code}`);
    waiting = [];
  };
  const ours = async (mostWaiting: number): Promise<number> => {
    // Each token once in a batch: by so many more may wait.
    const figure = await perSecond(one, { seconds, batch: LEASED, settled: () => settled(mostWaiting) });
    await settled(0);
    return figure;
  };
  const floor = (): Promise<number> =>
    perSecond((at) => isAllowed(plain, presented[at % LEASED]), { seconds, batch: LEASED });
  // Until shares are as large as they become, and both are compiled.
  for (let round = 0; round < 2; round += 1) {
    await ours(0);
    await floor();
  }
  waited = 0;
  judged = 0;
  const figures = await takeTurns(rounds, { ours: () => ours(MOST_WAITING), floor });
  await Promise.all([plain.close(), leased.close()]);
  return { leased: figures, waited: waited / judged };
}

/** By turns: verdicts on the first tokens, and looks into a Map that holds as many. */
async function compare(
  verifier: RemoteVerifier,
  tokens: number,
  { rounds, seconds }: Pick<VerifierOrder, 'rounds' | 'seconds'>,
): Promise<VerdictReport> {
  await keep(verifier, 0, tokens);
  const presented = Array.from({ length: tokens }, (_, index) => presentedOf(index));
  const known = new Map(presented.map((one) => [hash('sha256', textIn(one), 'binary'), {}]));
  const ours = (): Promise<number> => perSecond((at) => isAllowed(verifier, presented[at % tokens]), { seconds });
  const floor = (): Promise<number> =>
    perSecond((at) => known.has(hash('sha256', textIn(presented[at % tokens]), 'binary')), { seconds });
  // Both are compiled before the first round.
  await ours();
  await floor();
  return takeTurns(rounds, { ours, floor });
}

function isAllowed(verifier: RemoteVerifier, presented: Presented | undefined): boolean {
  const verdict = verdictOf(verifier, presented);
  return !(verdict instanceof Promise) && verdict?.valid === true;
}

function verdictOf(verifier: RemoteVerifier, presented: Presented | undefined): MaybePromise<Verdict> | undefined {
  return presented && verifier.verify(presented, asked);
}

function textIn(presented: Presented | undefined): string {
  return presented?.authorization[0]?.slice('Bearer '.length) ?? '';
}

async function keep(verifier: RemoteVerifier, first: number, tokens: number): Promise<void> {
  for (let start = first; start < tokens; start += LOOKED_UP_AT_ONCE) {
    const count = Math.min(LOOKED_UP_AT_ONCE, tokens - start);
    const verdicts = Array.from({ length: count }, async (_, at) => verifier.verify(presentedOf(start + at), asked));
    for (const verdict of await Promise.all(verdicts)) if (!verdict.valid) throw new Error(`refused: ${verdict.code}`);
  }
  if (verifier.metrics().cached !== tokens) throw new Error('not all tokens are kept');
}

function presentedOf(index: number): Presented {
  return { authorization: [`Bearer ${tokenText(index)}`], apiKey: [], query: '' };
}

interface Pace {
  readonly seconds: number;
  readonly batch?: number;
  /** Waits for what a batch left to be done. */
  readonly settled?: () => Promise<void>;
}

/** Between batches the feed is read, as it is between requests. */
async function perSecond(one: (at: number) => boolean, { seconds, batch = BATCH, settled }: Pace): Promise<number> {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1000) {
    for (let at = 0; at < batch; at += 1)
      if (!one(done + at)) throw new Error('a token was refused, or not judged from memory');
    done += batch;
    await settled?.();
    await turnOver();
    elapsed = performance.now() - start;
  }
  return (1000 * done) / elapsed;
}

async function liveBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await turnOver();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
