/** The memory of facts against a plain Map: what was forgotten is never found again, whatever digests are presented. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DigestKey, digestKeyOf, factsMemory, type TokenFacts } from '../src/index.ts';
import { factsOf } from './support/tokens.ts';

const SECRETS = 12;
/** Digests that begin alike, as nobody but their chooser makes them, and others. */
const digests: readonly DigestKey[] = Array.from({ length: SECRETS }, (_, index) => {
  const bytes = new Uint8Array(32).fill(index % 3);
  bytes[31] = index;
  return digestKeyOf(bytes);
});
/** Two secrets to a token, and every other token descends from the first one. */
const made: readonly TokenFacts[] = digests.map((key, index) => {
  const id = `tok_${index >> 1}`;
  const parents = index >> 1 > 0 && (index >> 1) % 2 === 0 ? { parents: ['tok_0'] } : {};
  return factsOf({ id, secret: { key, state: 'active', until: undefined }, ...parents });
});

const which = fc.integer({ min: 0, max: SECRETS - 1 });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('keep' as const), which) },
    { weight: 6, arbitrary: fc.tuple(fc.constant('get' as const), which) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), which) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('deleteToken' as const), which) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('deleteDescendants' as const), which) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('changeToken' as const), which) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('deleteWhere' as const), which) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const), which) },
  ),
  { maxLength: 80 },
);

const revoked = (facts: TokenFacts): TokenFacts => ({ ...facts, revokedAt: 0 });

test('with room for all, it is a Map of them', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const memory = factsMemory(SECRETS);
      const model = new Map<DigestKey, TokenFacts>();
      for (const [step, index] of history) {
        const digest = digests[index] as DigestKey;
        const facts = made[index] as TokenFacts;
        const { id } = facts;
        if (step === 'keep') {
          memory.keep(digest, facts);
          model.set(digest, facts);
        } else if (step === 'get') {
          expect(memory.get(digest)).toEqual(model.get(digest));
        } else if (step === 'delete') {
          memory.delete(digest);
          model.delete(digest);
        } else if (step === 'deleteToken') {
          memory.deleteToken(id);
          for (const [key, one] of model) if (one.id === id) model.delete(key);
        } else if (step === 'deleteDescendants') {
          memory.deleteDescendants(id);
          for (const [key, one] of model) if (one.parents?.includes(id)) model.delete(key);
        } else if (step === 'changeToken') {
          memory.changeToken(id, revoked);
          for (const [key, one] of model) if (one.id === id) model.set(key, revoked(one));
        } else if (step === 'deleteWhere') {
          memory.deleteWhere((one) => one.id <= id);
          for (const [key, one] of model) if (one.id <= id) model.delete(key);
        } else {
          memory.clear();
          model.clear();
        }
        expect(memory.size()).toBe(model.size);
      }
      for (const digest of digests) {
        // Twice: the second time it is at hand.
        expect([memory.get(digest), memory.get(digest)]).toEqual([model.get(digest), model.get(digest)]);
        expect(memory.has(digest)).toBe(model.has(digest));
      }
    }),
    { numRuns: 500 },
  );
});

test('with room for few, what made room for another is not found', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SECRETS - 1 }), fc.array(which, { maxLength: 60 }), (room, asked) => {
      const memory = factsMemory(room);
      for (const index of asked) {
        const digest = digests[index] as DigestKey;
        if (memory.get(digest) === undefined) memory.keep(digest, made[index] as TokenFacts);
        expect(memory.get(digest)).toBe(made[index]);
        expect(memory.size()).toBeLessThanOrEqual(room);
        expect(digests.filter((one) => memory.has(one))).toHaveLength(memory.size());
        for (const one of digests) expect(memory.get(one) !== undefined).toBe(memory.has(one));
      }
    }),
    { numRuns: 200 },
  );
});

test('many are found as few are, while it grows', () => {
  const memory = factsMemory(50_000);
  const many = Array.from({ length: 20_000 }, (_, index) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, Math.imul(index, 2_654_435_761));
    new DataView(bytes.buffer).setUint32(28, index);
    return digestKeyOf(bytes);
  });
  for (const [index, key] of many.entries()) {
    memory.keep(key, factsOf({ id: `tok_${index}`, secret: { key, state: 'active', until: undefined } }));
    expect(memory.get(key)?.id).toBe(`tok_${index}`);
  }
  for (const [index, key] of many.entries()) if (memory.get(key)?.id !== `tok_${index}`) throw new Error(`${index}`);
});
