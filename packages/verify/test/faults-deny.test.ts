/** Faults deny: a port that cannot answer is a refusal that is heard of, and never an exception or an `allow`. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressRule, type Credential, credentialOf, decide, type Ports, presence } from '../src/index.ts';
import { anyText } from './support/any-text.ts';
import { asked, portsWith, type Question, verdictOf } from './support/ports.ts';
import { factsOf, TOKEN } from './support/tokens.ts';

const FAULT = new Error('the port cannot answer');
const SIGNED_SHAPE = 'eyJhbGciOiJub25lIn0.e30.';

const LIMIT = { key: 'k', name: 'k', limit: 9, windowSeconds: 1, burst: 9, cost: 1 };
/** A token that every port is asked about. */
const DEMANDING = {
  boundKey: 'thumbprint',
  limits: [LIMIT],
  quotas: [{ key: 'q', name: 'q', limit: 9, period: 'day' }],
} as const;

const BOUND: Question = {
  credential: credentialInHeader(`DPoP ${TOKEN}`),
  circumstances: { proof: 'proof', method: 'GET', url: 'https://api.example.test/' },
};

const WAYS: readonly (readonly [string, () => never])[] = [
  [
    'throws',
    () => {
      throw FAULT;
    },
  ],
  ['rejects', (() => Promise.reject(FAULT)) as unknown as () => never],
];

const PORTS: readonly (readonly [string, (fail: () => never) => Partial<Ports>, Question])[] = [
  ['tokens', (fail) => ({ tokens: { known: () => undefined, find: fail, imported: () => [] } }), BOUND],
  [
    'imported',
    (fail) => ({ tokens: { known: () => undefined, find: () => undefined, imported: thrower(fail) } }),
    text('sk-imported'),
  ],
  ['signed', (fail) => ({ signed: { known: () => undefined, find: fail } }), text(SIGNED_SHAPE)],
  ['opaque', (fail) => ({ opaque: { find: fail } }), text('of-somebody-else')],
  ['clock', (fail) => ({ clock: { now: thrower(fail) } }), BOUND],
  ['proofs', (fail) => ({ proofs: { check: fail } }), BOUND],
  ['limiter', (fail) => ({ limiter: { take: fail } }), BOUND],
  ['quotas', (fail) => ({ quotas: { take: fail } }), BOUND],
];

const CASES = PORTS.flatMap(([port, broken, question]) =>
  WAYS.map(([way, fail]) => ({ port, way, parts: broken(fail), question })),
);

describe('a port that cannot answer denies', () => {
  it.each(CASES)('$port $way', async ({ parts, question }) => {
    const heard: unknown[] = [];
    const ports = portsWith(DEMANDING, {
      proofs: { check: () => 'ok' },
      ...parts,
      onFault: (error) => heard.push(error),
    });
    expect(await verdictOf(ports, question)).toEqual({
      valid: false,
      code: 'fault',
      detail: undefined,
      principal: undefined,
      limits: [],
      missingScopes: [],
    });
    expect(heard).toEqual([FAULT]);
  });

  it('with all of them in order the same question is allowed', async () => {
    expect((await verdictOf(portsWith(DEMANDING, { proofs: { check: () => 'ok' } }), BOUND)).code).toBe('ok');
  });

  it.each(['proofs', 'quotas'] as const)('%s absent where it is needed', async (port) => {
    const heard: unknown[] = [];
    const { [port]: _, ...rest } = portsWith(DEMANDING, { proofs: { check: () => 'ok' } });
    expect((await verdictOf({ ...rest, onFault: (error) => heard.push(error) }, BOUND)).code).toBe('fault');
    expect(String(heard)).toMatch(/cannot be judged here: (no `proofs` were given|no port for quotas)/);
  });

  it('signed absent: nothing signed is a token here', async () => {
    expect((await verdictOf(portsWith({}), text(SIGNED_SHAPE))).code).toBe('malformed');
  });

  it('an address rule that throws', async () => {
    const broken = { ...addressRule('token', {}), refuses: thrower(() => fail()) };
    expect((await verdictOf(portsWith({ addresses: [broken] }))).code).toBe('fault');
  });

  it('an ear for faults that throws itself', async () => {
    const ports = portsWith(
      {},
      { tokens: { known: () => undefined, find: () => fail(), imported: () => [] }, onFault: () => fail() },
    );
    expect((await verdictOf(ports)).code).toBe('fault');
  });
});

describe('an answer that means nothing denies', () => {
  it.each([undefined, null, true, 'OK', {}])('a proof port that says %s', async (answer) => {
    const proofs = { check: () => answer } as unknown as NonNullable<Ports['proofs']>;
    expect((await verdictOf(portsWith(DEMANDING, { proofs }), BOUND)).code).toBe('proof_invalid');
  });

  it.each([Number.NaN, undefined])('a clock that says %s lets no token with an end pass', async (now) => {
    const clock = { now: () => now as number };
    expect((await verdictOf(portsWith({}, { clock }))).code).toBe('expired');
    expect((await verdictOf(portsWith({ expiresAt: undefined, notBefore: 1 }, { clock }))).code).toBe('not_yet_valid');
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e308])('a cost of %s', async (cost) => {
    const question = { circumstances: { cost } };
    expect((await verdictOf(portsWith({ limits: [LIMIT] }), question)).code).toBe('fault');
  });
});

describe('decide', () => {
  const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true });
  const factNames = Object.keys(factsOf());

  it('never throws and never allows what is not in order, whatever the store says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...factNames), anything, async (name, value) => {
        const facts = { ...factsOf(), [name]: value };
        const tokens = { known: () => undefined, find: () => facts, imported: () => [] };
        const verdict = await decide(credentialOf(TOKEN), asked({ requirement: { scopes: ['orders:read'] } }), {
          ...portsWith({}),
          tokens,
        });
        expect(typeof verdict.valid).toBe('boolean');
        if (name === 'enabled' && !value) expect(verdict.code).toBe('disabled');
        if (name === 'revokedAt' && value !== undefined) expect(verdict.code).toBe('revoked');
        if (name === 'scopes' && verdict.valid) expect(value).toContain('orders:read');
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['orders:readers', ['orders:readers'], { includes: () => true }])(
    'takes scopes and roles only from a list of whole names, not from %s',
    async (list) => {
      const scopes = list as readonly string[];
      const scoped = await verdictOf(portsWith({ scopes }), { requirement: { scopes: ['orders:read'] } });
      expect(scoped.valid).toBe(false);
      const owner = { id: 'own_1', type: 'user', roles: scopes, enabled: true } as const;
      const ruled = await verdictOf(portsWith({ owner }), { requirement: { roles: ['orders:read'] } });
      expect(ruled.valid).toBe(false);
    },
  );

  it('never throws, whatever is presented', async () => {
    await fc.assert(
      fc.asyncProperty(anyText(9000), fc.boolean(), async (body, isSigned) => {
        const verdict = await verdictOf(portsWith({}), text(isSigned ? `eyJ${body}.` : body));
        expect(verdict.code).toBe('malformed');
      }),
    );
  });
});

function text(value: string): Question {
  return { credential: credentialOf(value) };
}

function fail(): never {
  throw FAULT;
}

/** Ports that answer at once can only throw. */
function thrower(way: () => never): () => never {
  return () => {
    const answer: unknown = way();
    if (answer instanceof Promise) answer.catch(() => undefined);
    throw FAULT;
  };
}

function credentialInHeader(field: string): Credential {
  const found = presence({ authorization: [field], apiKey: [], query: '' });
  if (found.outcome !== 'present') throw new Error('no credential');
  return found.credential;
}
