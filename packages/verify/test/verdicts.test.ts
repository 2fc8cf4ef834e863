/** The vectors: every denial code is reached, through the whole decision and real ports. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type AddressLists,
  addressRule,
  type Circumstances,
  circumstances,
  decide,
  denialCodes,
  denials,
  digestKey,
  memoryReplays,
  type Ports,
  type Presented,
  presence,
  type Requirement,
  requirement,
  type TokenFacts,
} from '../src/index.ts';
import { dpopProofs, jwtLookup } from '../src/jose.ts';
import { counters } from './support/counters.ts';
import { lookupOf } from './support/tokens.ts';

type Rules = readonly ({ readonly label: string } & AddressLists)[];
type Written<T> = Omit<Partial<T>, 'addresses'> & { readonly addresses?: Rules };

interface Case {
  readonly name: string;
  readonly presented?: Partial<Presented>;
  readonly token?: Written<TokenFacts>;
  readonly requirement?: Written<Requirement>;
  readonly circumstances?: Partial<Circumstances>;
  readonly times?: number;
  readonly faulty?: 'tokens' | 'limiter';
  readonly expected: string;
}

interface Vectors {
  readonly now: number;
  readonly text: string;
  readonly facts: Written<TokenFacts>;
  readonly signed: {
    readonly issuer: string;
    readonly audience: string;
    readonly clockSkewSeconds: number;
    readonly keys: readonly object[];
  };
  readonly cases: readonly Case[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/verdicts.json', import.meta.url), 'utf8'),
) as Vectors;

const DEFAULT_PRESENTED: Presented = { authorization: [`Bearer ${vectors.text}`], apiKey: [], query: '' };
const NOTHING_PRESENTED: Presented = { authorization: [], apiKey: [], query: '' };

describe('verdict vectors', () => {
  it.each(vectors.cases)('$expected: $name', async (written) => {
    expect([...denialCodes, 'ok']).toContain(written.expected);
    expect(await lastCodeOf(written)).toBe(written.expected);
  });

  it('reach every denial code', () => {
    const reached = new Set(vectors.cases.map(({ expected }) => expected));
    expect(denialCodes.filter((code) => !reached.has(code))).toEqual([]);
  });

  it('have names of their own', () => {
    expect(new Set(vectors.cases.map(({ name }) => name)).size).toBe(vectors.cases.length);
  });
});

describe('denial codes', () => {
  it('have the status that was promised', () => {
    const byStatus = Map.groupBy(denialCodes, (code) => denials[code].status);
    expect(byStatus.get(401)).toEqual(
      'missing malformed unknown revoked suspended disabled owner_disabled rotated expired not_yet_valid wrong_audience wrong_environment signature_invalid proof_required proof_invalid replayed'.split(
        ' ',
      ),
    );
    expect(byStatus.get(403)).toEqual(['insufficient_scope', 'ip_denied', 'policy_denied']);
    expect(byStatus.get(429)).toEqual(['rate_limited', 'quota_exceeded']);
    expect(byStatus.get(400)).toEqual(['duplicate_credentials']);
    expect(byStatus.get(503)).toEqual(['fault']);
    expect(byStatus.size).toBe(5);
  });

  it('tell a stranger nothing of whether a token exists', () => {
    const told = denialCodes
      .filter((code) => denials[code].status === 401 && code !== 'missing' && !/^(proof|replayed)/.test(code))
      .map((code) => denials[code].public);
    expect(new Set(told)).toEqual(new Set(['The token is not valid here.']));
  });
});

async function lastCodeOf(written: Case): Promise<string> {
  const ports = portsOf(written);
  const found = presence(written.presented ? { ...NOTHING_PRESENTED, ...written.presented } : DEFAULT_PRESENTED);
  if (found.outcome !== 'present') return found.outcome;
  const asked = {
    requirement: requirement(compiled(written.requirement ?? {})),
    circumstances: circumstances(written.circumstances),
  };
  let code = '';
  for (let time = 0; time < (written.times ?? 1); time += 1) code = (await decide(found.credential, asked, ports)).code;
  return code;
}

function portsOf({ token = {}, faulty }: Case): Ports {
  const { text, signed } = vectors;
  const clock = { now: () => vectors.now };
  const facts = compiled({ ...vectors.facts, ...token }) as TokenFacts;
  const known = lookupOf([text, { ...facts, secret: { ...facts.secret, key: digestKey(text) } }]);
  return {
    tokens: faulty === 'tokens' ? { ...known, known: silent, find: silent } : known,
    limiter: faulty === 'limiter' ? { take: silent } : counters(),
    quotas: counters(),
    proofs: dpopProofs({ replays: memoryReplays({ clock }) }),
    signed: jwtLookup({ ...signed, keys: signed, facts: () => ({ workspace: { id: 'ws_1', enabled: true } }) }),
    clock,
  };
}

function silent(): never {
  throw new Error('the port cannot answer');
}

function compiled<T extends { readonly addresses?: Rules }>({ addresses = [], ...rest }: T) {
  return { ...rest, addresses: addresses.map(({ label, ...lists }) => addressRule(label, lists)) };
}
