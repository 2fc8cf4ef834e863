/** Verdicts on signed tokens in this process, and signing them, by turns with node:crypto alone and with what others verify with. */
import { Buffer } from 'node:buffer';
import { generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto';
import {
  type Asked,
  circumstances,
  credentialOf,
  decide,
  memoryLookup,
  type Ports,
  requirement,
  type TokenFacts,
} from '@tessera/verify';
import { jwtLookup, signCompact } from '@tessera/verify/jose';
import { createVerifier } from 'fast-jwt';
import { jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { memoryLimiter } from '../../packages/server/src/limits/memory.ts';
import { toDer } from '../../packages/verify/src/jose/ecdsa-der.ts';
import { type Figures, takeTurns } from '../rig/rounds.ts';

export interface SignedOrder {
  readonly rounds: number;
  readonly seconds: number;
}

export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];
/** Undefined: it knows nothing of the algorithm. */
export const CONTESTANTS = ['ours', 'bare', 'jose', 'jsonwebtoken', 'fast-jwt'] as const;
export type Contestant = (typeof CONTESTANTS)[number];

/** So many in a second of CPU time, of each round. A contestant that does not know an algorithm is not there. */
export interface SignedReport {
  readonly verdicts: Readonly<Record<Algorithm, Partial<Figures<Contestant>>>>;
  readonly signing: Readonly<Record<Algorithm, Figures<'ours' | 'bare'>>>;
  /** Of tokens whose facts are in memory, and the digest of their texts and a Map alone. */
  readonly cached: Figures<'ours' | 'bare'>;
  /** Characters of a text of ES256. */
  readonly length: number;
}

const TOKENS = 500;
const BATCH = 100;
const ISSUER = 'https://issuer.example.test';
const AUDIENCE = 'https://api.example.test';
const WORKSPACE = { id: 'ws_bench', enabled: true };
const KID = 'key_01kb8e5v3jf0a9x6z7n4m2q8rt';

const clock = { now: Date.now };
const seconds = Math.floor(Date.now() / 1000);
const asked: Asked = {
  requirement: requirement({ workspace: WORKSPACE.id, audience: AUDIENCE, scopes: ['orders:read'] }),
  circumstances: circumstances({ address: '10.1.2.3' }),
};

/** What a token says, as RFC 9068 wants it. */
function claimsOf(index: number) {
  return {
    iss: ISSUER,
    sub: 'own_01kb8e5v3jf0a9x6z7n4m2q8rt',
    aud: AUDIENCE,
    client_id: 'shop',
    jti: `tok_${String(index).padStart(26, '0')}`,
    iat: seconds,
    exp: seconds + 86_400,
    scope: 'orders:read orders:write',
  };
}

interface Contest {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly texts: readonly string[];
}

function contestOf(alg: Algorithm): Contest {
  const pair = pairOf(alg);
  const key = { alg, key: pair.privateKey };
  const texts = Array.from({ length: TOKENS }, (_, index) =>
    signCompact({ typ: 'at+jwt', kid: KID }, claimsOf(index), key),
  );
  return { ...pair, texts };
}

function pairOf(alg: Algorithm) {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  return alg === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** Each does its work for the token of an index, and throws where it is refused. */
type Turn = (index: number) => unknown;

function verdictsOf(alg: Algorithm, { publicKey, texts }: Contest): Partial<Record<Contestant, Turn>> {
  const text = (index: number): string => texts[index] ?? '';
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KID, alg, use: 'sig' };
  const signed = jwtLookup({
    issuer: ISSUER,
    audience: AUDIENCE,
    keys: { keys: [jwk] },
    facts: () => ({ workspace: WORKSPACE }),
  });
  const ports: Ports = { tokens: memoryLookup(), signed, limiter: memoryLimiter({ clock }), clock };
  const parts = texts.map((text) => partsOf(text, alg));
  const pem = publicKey.export({ format: 'pem', type: 'spki' });
  const all: Record<Contestant, Turn> = {
    ours: (index) => allowed(decide(credentialOf(text(index)), asked, ports)),
    bare: (index) => {
      const { input, signature } = parts[index] ?? partsOf('', alg);
      if (!verify(digestOf(alg), input, publicKey, signature)) throw new Error('refused');
    },
    jose: (index) =>
      jwtVerify(text(index), publicKey, { algorithms: [alg], issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' }),
    jsonwebtoken: (index) =>
      jsonwebtoken.verify(text(index), publicKey, {
        algorithms: [alg as 'ES256'],
        issuer: ISSUER,
        audience: AUDIENCE,
      }),
    'fast-jwt': (() => {
      const options = { algorithms: [alg], allowedIss: ISSUER, allowedAud: AUDIENCE, cache: false };
      const check = createVerifier({ ...options, key: pem });
      return (index: number): unknown => check(text(index));
    })(),
  };
  const { jsonwebtoken: _, ...withoutEdDsa } = all;
  return alg === 'EdDSA' ? withoutEdDsa : all;
}

/** What the bare signature is given: bytes, and of ES256 the DER that OpenSSL knows. */
function partsOf(text: string, alg: Algorithm): { readonly input: Buffer; readonly signature: Buffer } {
  const at = text.lastIndexOf('.');
  const signature = Buffer.from(text.slice(at + 1), 'base64url');
  return { input: Buffer.from(text.slice(0, at)), signature: alg === 'ES256' ? toDer(signature) : signature };
}

function digestOf(alg: Algorithm): 'sha256' | null {
  return alg === 'EdDSA' ? null : 'sha256';
}

function signingOf(alg: Algorithm, { privateKey, texts }: Contest): Record<'ours' | 'bare', Turn> {
  const inputs = texts.map((text) => partsOf(text, alg).input);
  const claims = texts.map((_, index) => claimsOf(index));
  return {
    ours: (index) => signCompact({ typ: 'at+jwt', kid: KID }, claims[index] ?? {}, { alg, key: privateKey }),
    bare: (index) => sign(digestOf(alg), inputs[index] ?? Buffer.of(), privateKey),
  };
}

function cachedOf({ texts }: Contest): Record<'ours' | 'bare', Turn> {
  const tokens = memoryLookup();
  const known = new Map<string, number>();
  for (const [index, text] of texts.entries()) {
    tokens.add(text, factsOf(index));
    known.set(hash('sha256', text, 'binary'), index);
  }
  const ports: Ports = { tokens, limiter: memoryLimiter({ clock }), clock };
  return {
    ours: (index) => allowed(decide(credentialOf(texts[index] ?? ''), asked, ports)),
    bare: (index) => {
      if (known.get(hash('sha256', texts[index] ?? '', 'binary')) !== index) throw new Error('not found');
    },
  };
}

function factsOf(index: number): TokenFacts {
  return {
    id: `tok_${index}`,
    kind: 'access_token',
    name: 'shop',
    workspace: WORKSPACE,
    owner: undefined,
    api: { id: 'api_bench', audience: AUDIENCE },
    environment: 'live',
    scopes: ['orders:read', 'orders:write'],
    expiresAt: (seconds + 86_400) * 1000,
    secret: { key: '' as TokenFacts['secret']['key'], state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    notBefore: undefined,
    limits: [],
    quotas: [],
    addresses: [],
    boundKey: undefined,
  };
}

function allowed(verdict: ReturnType<typeof decide>): void {
  if (verdict instanceof Promise || !verdict.valid) throw new Error('refused, or not judged at once');
}

/**
 * Of CPU time, of all threads together: whoever hands signatures to another thread pays for it. A batch of those that answer
 * later is under way at once, so that none waits for another thread to be told.
 */
async function perSecond(turn: Turn, duration: number): Promise<number> {
  const start = process.cpuUsage();
  let used = 0;
  let done = 0;
  while (used < duration * 1_000_000) {
    const later: unknown[] = [];
    for (let at = 0; at < BATCH; at += 1) {
      const answer = turn((done + at) % TOKENS);
      if (answer instanceof Promise) later.push(answer);
    }
    if (later.length > 0) await Promise.all(later);
    done += BATCH;
    const { user, system } = process.cpuUsage(start);
    used = user + system;
  }
  return (1_000_000 * done) / used;
}

async function contest<Name extends string>(
  turns: Partial<Record<Name, Turn>>,
  { rounds, seconds: duration }: SignedOrder,
): Promise<Figures<Name>> {
  const entries = Object.entries(turns) as [Name, Turn][];
  // All are compiled before the first round.
  for (const [, turn] of entries) await perSecond(turn, duration / 2);
  const running = entries.map(([name, turn]) => [name, () => perSecond(turn, duration)] as const);
  return takeTurns(rounds, Object.fromEntries(running) as Record<Name, () => Promise<number>>);
}

async function run(order: SignedOrder): Promise<SignedReport> {
  const contests = { RS256: contestOf('RS256'), ES256: contestOf('ES256'), EdDSA: contestOf('EdDSA') };
  const verdicts = async (alg: Algorithm) => contest(verdictsOf(alg, contests[alg]), order);
  const signing = async (alg: Algorithm) => contest(signingOf(alg, contests[alg]), order);
  return {
    verdicts: { RS256: await verdicts('RS256'), ES256: await verdicts('ES256'), EdDSA: await verdicts('EdDSA') },
    signing: { RS256: await signing('RS256'), ES256: await signing('ES256'), EdDSA: await signing('EdDSA') },
    cached: await contest(cachedOf(contests.ES256), order),
    length: contests.ES256.texts[0]?.length ?? 0,
  };
}

process.once('message', (order: SignedOrder) => {
  void run(order).then((report) => process.send?.(report, () => process.disconnect()));
});
