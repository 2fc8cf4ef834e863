/** What a server tells of a token is, read by a verifier, exactly what the server judges by; and what is not is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressRule,
  type BudgetRule,
  digestKey,
  factsFromWire,
  factsToWire,
  type LimitRule,
  type TokenFacts,
  UnreadableFacts,
} from '../src/index.ts';
import { factsOf, NOW, TOKEN } from './support/tokens.ts';

const KEY = digestKey(TOKEN);

const texts = fc.string({ unit: 'binary' }).map((drawn) => drawn.toWellFormed());
const times = fc.integer({ min: 0, max: 8.64e15 });
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const onFault = { onFault: fc.constantFrom('closed', 'open', 'local') };
const period = fc.constantFrom('day', 'month');
const orAbsent = <T>(drawn: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(drawn, { nil: undefined });

const limit: fc.Arbitrary<LimitRule> = fc.record(
  {
    key: texts,
    name: texts,
    limit: count,
    windowSeconds: count,
    burst: count,
    cost: count,
    ...onFault,
    mode: fc.constantFrom('exact', 'approximate'),
  },
  { requiredKeys: ['key', 'name', 'limit', 'windowSeconds', 'burst', 'cost'] },
);
const budget: fc.Arbitrary<BudgetRule> = fc.oneof(
  fc.record(
    { kind: fc.constant('quota'), key: texts, name: texts, limit: count, period, ...onFault },
    { requiredKeys: ['key', 'name', 'limit', 'period'] },
  ),
  fc.record(
    {
      kind: fc.constant('credits'),
      key: texts,
      name: texts,
      refill: orAbsent(fc.record({ amount: count, period })),
      onFault: fc.constant('closed'),
    },
    { requiredKeys: ['kind', 'key', 'name', 'refill'] },
  ),
);
const range = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, bits]) => `${address}/${bits}`),
);
const addresses = fc
  .tuple(texts, fc.record({ allow: fc.array(range), deny: fc.array(range) }, { requiredKeys: [] }))
  .map(([label, lists]) => addressRule(label, lists));
const rules = fc.record({ limits: fc.array(limit), quotas: fc.array(budget) });

const anyFacts: fc.Arbitrary<TokenFacts> = fc
  .tuple(
    fc.record({
      id: texts,
      kind: fc.constantFrom('api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session'),
      name: texts,
      workspace: fc.record({ id: texts, enabled: fc.boolean() }),
      owner: orAbsent(
        fc.record({
          id: texts,
          type: fc.constantFrom('user', 'service', 'customer'),
          roles: fc.array(texts),
          enabled: fc.boolean(),
        }),
      ),
      api: fc.record({ id: texts, audience: texts }),
      environment: fc.constantFrom('live', 'test'),
      scopes: fc.array(texts),
      expiresAt: orAbsent(times),
      secret: fc.oneof(
        fc.record({
          key: fc.constant(KEY),
          state: fc.constantFrom('active', 'pending'),
          until: fc.constant(undefined),
        }),
        fc.record({ key: fc.constant(KEY), state: fc.constant('retiring'), until: times }),
      ),
      enabled: fc.boolean(),
      revokedAt: orAbsent(times),
      notBefore: orAbsent(times),
      addresses: fc.array(addresses),
      boundKey: orAbsent(texts),
    }),
    rules,
    fc.record({ shadow: rules, clockSkewMs: times, parents: fc.array(texts) }, { requiredKeys: [] }),
  )
  .map(([facts, counted, more]) => ({ ...facts, ...counted, ...more }));

/** All of it as plain data; rules of addresses are what they were compiled from. */
function plain(facts: TokenFacts): object {
  return { ...facts, addresses: facts.addresses.map(({ label, lists }) => ({ label, lists })) };
}

function across(facts: TokenFacts): TokenFacts {
  return factsFromWire(JSON.parse(JSON.stringify(factsToWire(facts))), facts.secret.key);
}

describe('facts on the wire', () => {
  it('are the same facts on the other side, whatever they are', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(plain(across(facts))).toEqual(plain(facts));
      }),
    );
  });

  it('refuse the same addresses on the other side', () => {
    fc.assert(
      fc.property(addresses, fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant(undefined)), (rule, address) => {
        const [compiled] = across(factsOf({ addresses: [rule] })).addresses;
        expect(compiled?.refuses(address)).toBe(rule.refuses(address));
      }),
    );
  });

  it('hold no digest, in any spelling', () => {
    const key = digestKey(TOKEN);
    const written = JSON.stringify(factsToWire(factsOf({ secret: { key, state: 'active', until: undefined } })));
    const bytes = Buffer.from(key, 'latin1');
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const)
      expect(written).not.toContain(bytes.toString(encoding));
  });
});

describe('what a verifier cannot read', () => {
  const good = factsToWire(
    factsOf({
      limits: [{ key: 'k', name: 'n', limit: 1, windowSeconds: 1, burst: 1, cost: 1 }],
      quotas: [{ kind: 'credits', key: 'k', name: 'credits', refill: undefined }],
      addresses: [addressRule('token', { allow: ['10.0.0.0/8'] })],
    }),
  );

  it('is refused for each member that is missing', () => {
    const optionals = ['shadow', 'clockSkewMs'];
    const names = Object.keys(good).filter((name) => !optionals.includes(name));
    expect(names).toHaveLength(17);
    for (const name of names) {
      const { [name]: _, ...rest } = good as unknown as Record<string, unknown>;
      expect(() => factsFromWire(rest, KEY), name).toThrow(UnreadableFacts);
    }
  });

  it('is refused for each member of another type, and the message holds no value', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(good)),
        fc.oneof(fc.double(), fc.constant('s3cr3t-value'), fc.object(), fc.constant([[]])),
        (name, value) => {
          const written = { ...good, [name]: value };
          let read: TokenFacts | undefined;
          try {
            read = factsFromWire(written, KEY);
          } catch (error) {
            expect(error).toBeInstanceOf(UnreadableFacts);
            expect(String(error)).not.toContain('s3cr3t');
            return;
          }
          // What was taken is of the right type: it says the same on its way back.
          expect(JSON.parse(JSON.stringify(factsToWire(read)))).toEqual(JSON.parse(JSON.stringify(written)));
        },
      ),
    );
  });

  it.each([
    ['a rule of a later version', { ...good, geofence: ['de'] }, ': unknown member'],
    ['a prototype', JSON.parse(JSON.stringify(good).replace('{', '{"__proto__":{},')), ': unknown member'],
    ['a rule of a limit', { ...good, limits: [{ ...good.limits[0], tiers: [] }] }, '/limits/0: unknown member'],
    [
      'a mode of a limit',
      { ...good, limits: [{ ...good.limits[0], mode: 'later' }] },
      '/limits/0/mode: must be exact or approximate',
    ],
    ['a kind of budget', { ...good, quotas: [{ kind: 'seats', key: 'k' }] }, '/quotas/0/kind: must be quota'],
    [
      'a quota without a limit',
      { ...good, quotas: [{ key: 'k', name: 'n', period: 'day' }] },
      '/quotas/0/limit: must be a whole number from 1 on',
    ],
    [
      'no range of addresses',
      { ...good, addresses: [{ label: 'token', allow: ['10.0.0.0/33'] }] },
      '/addresses/0: must be addresses and CIDR ranges',
    ],
    [
      'a replaced secret without an end',
      { ...good, secret: { state: 'retiring', until: null } },
      '/secret/until: must be the end of a retiring secret',
    ],
    ['a time that is none', { ...good, expiresAt: NOW + 0.5 }, '/expiresAt: must be a whole number from 0 on'],
    ['nothing', null, ': must be an object'],
  ])('is refused: %s', (_what, written, message) => {
    expect(() => factsFromWire(written, KEY)).toThrow(new UnreadableFacts(message));
  });
});
