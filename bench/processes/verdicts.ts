/** Verdicts in this process, by turns with their floor: the digest of the text and a look into a Map. */
import { hash } from 'node:crypto';
import {
  addressRule,
  circumstances,
  credentialOf,
  decide,
  digestKey,
  memoryLookup,
  type Ports,
  requirement,
  type TokenFacts,
} from '@tessera/verify';
import { memoryLimiter } from '../../packages/server/src/limits/memory.ts';
import { takeTurns } from '../rig/rounds.ts';
import { tokenId, tokenText } from '../rig/tokens.ts';

export interface VerdictOrder {
  readonly rounds: number;
  readonly seconds: number;
}

/** Verdicts a second, of each round. */
export interface VerdictReport {
  readonly ours: readonly number[];
  readonly floor: readonly number[];
}

const TOKENS = 1000;
const BATCH = 10_000;
const DAY = 86_400;

const clock = { now: Date.now };
const texts = Array.from({ length: TOKENS }, (_, index) => tokenText(index));
const tokens = memoryLookup();
const known = new Map<string, TokenFacts>();
for (const [index, text] of texts.entries()) {
  tokens.add(text, factsOf(index, text));
  known.set(hash('sha256', text, 'binary'), factsOf(index, text));
}
const ports: Ports = { tokens, limiter: memoryLimiter({ clock }), clock };
const asked = {
  requirement: requirement({ workspace: 'ws_bench', audience: 'https://api.example.test', scopes: ['orders:read'] }),
  circumstances: circumstances({ address: '10.1.2.3' }),
};

process.once('message', ({ rounds, seconds }: VerdictOrder) => {
  // Both are compiled before the first round.
  perSecond(verdicts, seconds);
  perSecond(lookups, seconds);
  void takeTurns(rounds, { ours: () => perSecond(verdicts, seconds), floor: () => perSecond(lookups, seconds) }).then(
    (report) => process.send?.(report, () => process.disconnect()),
  );
});

function verdicts(): number {
  let allowed = 0;
  for (let at = 0; at < BATCH; at += 1) {
    const verdict = decide(credentialOf(texts[at % TOKENS] ?? ''), asked, ports);
    if (!(verdict instanceof Promise) && verdict.valid) allowed += 1;
  }
  return allowed;
}

function lookups(): number {
  let found = 0;
  for (let at = 0; at < BATCH; at += 1) {
    if (known.get(hash('sha256', texts[at % TOKENS] ?? '', 'binary')) !== undefined) found += 1;
  }
  return found;
}

function perSecond(batch: () => number, seconds: number): number {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1000) {
    if (batch() !== BATCH) throw new Error('a token was refused');
    done += BATCH;
    elapsed = performance.now() - start;
  }
  return (1000 * done) / elapsed;
}

function factsOf(index: number, text: string): TokenFacts {
  const id = tokenId(index);
  return {
    id,
    kind: 'api_key',
    name: 'bench',
    workspace: { id: 'ws_bench', enabled: true },
    owner: undefined,
    api: { id: 'api_bench', audience: 'https://api.example.test' },
    environment: 'live',
    scopes: ['orders:write', 'orders:read'],
    expiresAt: Date.now() + 3_600_000,
    secret: { key: digestKey(text), state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    notBefore: undefined,
    limits: [{ key: `token:${id}:a`, name: 'a', limit: 1_000_000, windowSeconds: DAY, burst: 1_000_000, cost: 1 }],
    quotas: [],
    addresses: [addressRule('token', { allow: ['10.0.0.0/8'], deny: ['10.9.0.0/16'] })],
    boundKey: undefined,
  };
}
