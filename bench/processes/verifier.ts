/** Verdicts of a verifier that follows a server, by turns with their floor; and what the tokens that it keeps take of memory. */
import { hash } from 'node:crypto';
import { setImmediate as turnOver } from 'node:timers/promises';
import { circumstances, createVerifier, type Presented, type RemoteVerifier } from '@tessera/verify';
import { takeTurns } from '../rig/rounds.ts';
import { tokenText } from '../rig/tokens.ts';
import type { VerdictReport } from './verdicts.ts';

export interface VerifierOrder {
  readonly url: string;
  /** Management token with the scope `verify`. */
  readonly token: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Tokens that are kept for the figure of memory. */
  readonly tokens: number;
}

export interface VerifierReport {
  /** Of a thousand tokens, and of all: each is judged as often as any other. */
  readonly few: VerdictReport;
  readonly all: VerdictReport;
  /** Bytes of the heap and beside it, for each token that is kept. */
  readonly bytesOfToken: number;
}

const FEW = 1000;
const BATCH = 10_000;
/** As many as may wait at once, so that the server is asked in few calls. */
const LOOKED_UP_AT_ONCE = 1000;

const asked = { circumstances: circumstances({ address: '10.1.2.3' }) };

process.once('message', (order: VerifierOrder) => {
  void report(order).then((result) => process.send?.(result, () => process.disconnect()));
});

async function report({ url, token, rounds, seconds, tokens }: VerifierOrder): Promise<VerifierReport> {
  const verifier = createVerifier({ url, token, audience: 'default', scopes: ['orders:read'] });
  await verifier.ready();
  const few = await compare(verifier, FEW, { rounds, seconds });
  const before = await liveBytes();
  await keep(verifier, FEW, tokens);
  const bytesOfToken = ((await liveBytes()) - before) / (tokens - FEW);
  const all = await compare(verifier, tokens, { rounds, seconds });
  await verifier.close();
  return { few, all, bytesOfToken };
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
  const ours = (): Promise<number> => perSecond((at) => isAllowed(verifier, presented[at % tokens]), seconds);
  const floor = (): Promise<number> =>
    perSecond((at) => known.has(hash('sha256', textIn(presented[at % tokens]), 'binary')), seconds);
  // Both are compiled before the first round.
  await ours();
  await floor();
  return takeTurns(rounds, { ours, floor });
}

function isAllowed(verifier: RemoteVerifier, presented: Presented | undefined): boolean {
  if (presented === undefined) return false;
  const verdict = verifier.verify(presented, asked);
  return !(verdict instanceof Promise) && verdict.valid;
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

/** Between batches the feed is read, as it is between requests. */
async function perSecond(one: (at: number) => boolean, seconds: number): Promise<number> {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1000) {
    for (let at = 0; at < BATCH; at += 1)
      if (!one(done + at)) throw new Error('a token was refused, or not judged from memory');
    done += BATCH;
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
