/** Places are exact, all or none, freed once, and leave nothing behind. */
import type { ConcurrencyOutcome, ConcurrencyRule, MaybePromise } from '@tessera/verify';
import { describe, expect, it } from 'vitest';
import { memoryConcurrency } from '../../src/limits/concurrency.ts';

function rule(parts: Partial<ConcurrencyRule> = {}): ConcurrencyRule {
  return { key: 'tok_1', name: 'at-once', limit: 2, ...parts };
}

function here(outcome: MaybePromise<ConcurrencyOutcome>): ConcurrencyOutcome {
  if (outcome instanceof Promise) throw new TypeError('places of this process are taken at once');
  return outcome;
}

describe('places', () => {
  it('are as many as the limit says, and each is freed once', () => {
    const { take } = memoryConcurrency();
    const [first, second] = [here(take([rule()], 'spend')), here(take([rule()], 'spend'))];
    expect([first.allowed, second.allowed, here(take([rule()], 'spend')).allowed]).toEqual([true, true, false]);
    first.release?.();
    first.release?.();
    expect(here(take([rule()], 'spend')).allowed).toBe(true);
    expect(here(take([rule()], 'spend')).allowed).toBe(false);
  });

  it('are taken of every rule or of none', () => {
    const { take } = memoryConcurrency();
    const narrow = rule({ key: 'narrow', limit: 1 });
    const held = here(take([narrow], 'spend'));
    const refused = here(take([rule({ limit: 1 }), narrow], 'spend'));
    expect(refused).toMatchObject({
      allowed: false,
      release: undefined,
      states: [
        { remaining: 1, retryAfterSeconds: 0 },
        { name: 'at-once', limit: 1, windowSeconds: 0, remaining: 0, resetSeconds: 1, retryAfterSeconds: 1 },
      ],
    });
    held.release?.();
    expect(here(take([rule({ limit: 1 }), narrow], 'spend')).allowed).toBe(true);
  });

  it('are not taken by a look', () => {
    const { take } = memoryConcurrency();
    for (let look = 0; look < 3; look += 1)
      expect(here(take([rule({ limit: 1 })], 'peek'))).toMatchObject({ allowed: true, release: undefined });
    expect(here(take([rule({ limit: 1 })], 'spend')).allowed).toBe(true);
    expect(here(take([rule({ limit: 1 })], 'peek')).allowed).toBe(false);
  });

  it('follow a limit that was lowered while they are held', () => {
    const { take } = memoryConcurrency();
    const held = [here(take([rule()], 'spend')), here(take([rule()], 'spend'))];
    held[0]?.release?.();
    expect(here(take([rule({ limit: 1 })], 'spend')).allowed).toBe(false);
    held[1]?.release?.();
    expect(here(take([rule({ limit: 1 })], 'spend')).allowed).toBe(true);
  });

  it('of two rules with one key cannot be told apart: that is a fault', () => {
    expect(() => memoryConcurrency().take([rule(), rule()], 'spend')).toThrow('two limits of one request share a key');
  });
});
