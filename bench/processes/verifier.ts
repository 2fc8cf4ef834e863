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

export interface VerifierReport extends VerdictReport {
  /** Bytes of the heap and beside it, for each token that is kept. */
  readonly bytesOfToken: number;
}

/** Judged over and over. */
const TOKENS = 1000;
const BATCH = 10_000;
/** As many as may wait at once, so that the server is asked in few calls. */
const LOOKED_UP_AT_ONCE = 1000;

const asked = { circumstances: circumstances({ address: '10.1.2.3' }) };
const presented: Presented[] = Array.from({ length: TOKENS }, (_, index) => presentedOf(index));
const known = new Map<string, object>(
  Array.from({ length: TOKENS }, (_, index) => [hash('sha256', tokenText(index), 'binary'), {}]),
);

process.once('message', (order: VerifierOrder) => {
  void report(order).then((result) => process.send?.(result, () => process.disconnect()));
});

async function report({ url, token, rounds, seconds, tokens }: VerifierOrder): Promise<VerifierReport> {
  const verifier = createVerifier({ url, token, audience: 'default', scopes: ['orders:read'] });
  await verifier.ready();
  const before = await liveBytes();
  await keep(verifier, tokens);
  const bytesOfToken = ((await liveBytes()) - before) / verifier.metrics().cached;
  // Both are compiled before the first round.
  const ours = (): Promise<number> => perSecond(() => verdicts(verifier), seconds);
  const floor = (): Promise<number> => perSecond(lookups, seconds);
  await ours();
  await floor();
  const figures = await takeTurns(rounds, { ours, floor });
  await verifier.close();
  return { ...figures, bytesOfToken };
}

async function keep(verifier: RemoteVerifier, tokens: number): Promise<void> {
  for (let start = 0; start < tokens; start += LOOKED_UP_AT_ONCE) {
    const count = Math.min(LOOKED_UP_AT_ONCE, tokens - start);
    const verdicts = Array.from({ length: count }, (_, at) => verifier.verify(presentedOf(start + at), asked));
    for (const verdict of await Promise.all(verdicts)) if (!verdict.valid) throw new Error(`refused: ${verdict.code}`);
  }
  if (verifier.metrics().cached !== tokens) throw new Error('not all tokens are kept');
}

function presentedOf(index: number): Presented {
  return { authorization: [`Bearer ${tokenText(index)}`], apiKey: [], query: '' };
}

function verdicts(verifier: RemoteVerifier): number {
  let allowed = 0;
  for (let at = 0; at < BATCH; at += 1) {
    const verdict = verifier.verify(presented[at % TOKENS] ?? presentedOf(0), asked);
    if (!(verdict instanceof Promise) && verdict.valid) allowed += 1;
  }
  return allowed;
}

function lookups(): number {
  let found = 0;
  for (let at = 0; at < BATCH; at += 1) {
    const text = presented[at % TOKENS]?.authorization[0]?.slice(7) ?? '';
    if (known.get(hash('sha256', text, 'binary')) !== undefined) found += 1;
  }
  return found;
}

/** Between batches the feed is read, as it is between requests. */
async function perSecond(batch: () => number, seconds: number): Promise<number> {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1000) {
    if (batch() !== BATCH) throw new Error('a token was refused, or not judged from memory');
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
