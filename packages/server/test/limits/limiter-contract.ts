/** What every limiter keeps: exactly the limit, all rules or none, whatever the clock and the caller do. */
import { describe, expect, it } from 'vitest';
import type { NamedLimiter } from './limiters.ts';
import { handClock, rule } from './support.ts';

export function limiterContract({ name, make }: NamedLimiter): void {
  describe(`a limiter ${name}`, () => {
    it('R-1: lets exactly 100 of 500 requests at once pass with a limit of 100 a minute', async () => {
      const limiter = make({ clock: handClock() });
      const outcomes = await Promise.all(Array.from({ length: 500 }, async () => limiter.take([rule()], 1, 'spend')));
      expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(100);
      expect(outcomes[99]).toEqual({ allowed: true, states: [state({ remaining: 0, resetSeconds: 60 })] });
      expect(outcomes[100]).toEqual({
        allowed: false,
        states: [state({ remaining: 0, resetSeconds: 60, retryAfterSeconds: 1 })],
      });
    });

    it('R-2: does not double at the edge of a window', async () => {
      const clock = handClock();
      const limiter = make({ clock });
      let passed = 0;
      for (const at of [59_900, 60_100]) {
        clock.time = clock.now() - (clock.now() % 60_000) + at;
        for (let request = 0; request < 100; request += 1) {
          if ((await limiter.take([rule()], 1, 'spend')).allowed) passed += 1;
        }
      }
      expect(passed).toBe(100);
    });

    it('spends none where one of several rules refuses, and says which', async () => {
      const limiter = make({ clock: handClock() });
      const wide = rule({ key: 'wide', name: 'wide', limit: 10 });
      const tight = rule({ key: 'tight', name: 'tight', limit: 3 });
      for (let request = 0; request < 3; request += 1) {
        expect((await limiter.take([wide, tight], 1, 'spend')).allowed).toBe(true);
      }
      const refused = await limiter.take([wide, tight], 1, 'spend');
      expect(refused.allowed).toBe(false);
      expect(refused.states).toEqual([
        state({ name: 'wide', limit: 10, remaining: 7, resetSeconds: 18 }),
        state({ name: 'tight', limit: 3, remaining: 0, resetSeconds: 60, retryAfterSeconds: 20 }),
      ]);
      expect((await limiter.take([wide], 7, 'spend')).allowed).toBe(true);
      expect((await limiter.take([wide], 1, 'spend')).allowed).toBe(false);
    });

    it('tells with `peek` what would happen, and spends nothing', async () => {
      const limiter = make({ clock: handClock() });
      const only = rule({ limit: 2 });
      for (let request = 0; request < 5; request += 1) {
        expect(await limiter.take([only], 2, 'peek')).toEqual({
          allowed: true,
          states: [state({ limit: 2, remaining: 2 })],
        });
      }
      expect((await limiter.take([only], 2, 'spend')).allowed).toBe(true);
      expect(await limiter.take([only], 1, 'peek')).toEqual({
        allowed: false,
        states: [state({ limit: 2, remaining: 0, resetSeconds: 60, retryAfterSeconds: 30 })],
      });
    });

    it('multiplies the cost of the request with the cost of the rule', async () => {
      const limiter = make({ clock: handClock() });
      const dear = rule({ limit: 10, cost: 3 });
      expect((await limiter.take([dear], 2, 'spend')).states).toEqual([
        state({ limit: 10, remaining: 1, resetSeconds: 36 }),
      ]);
      expect((await limiter.take([dear], 2, 'spend')).allowed).toBe(false);
      expect((await limiter.take([dear], 1, 'spend')).allowed).toBe(true);
    });

    it('always refuses a cost above the burst, of an unused limit too', async () => {
      const clock = handClock();
      const limiter = make({ clock });
      const small = rule({ limit: 1000, burst: 5 });
      for (const wait of [0, 60_000, 86_400_000]) {
        clock.time += wait;
        expect(await limiter.take([small], 6, 'spend')).toEqual({
          allowed: false,
          states: [state({ limit: 1000, remaining: 5, retryAfterSeconds: 1 })],
        });
      }
      expect((await limiter.take([small], 5, 'spend')).allowed).toBe(true);
    });

    it('locks nobody out for longer than the burst drains when the clock steps back', async () => {
      const clock = handClock();
      const limiter = make({ clock });
      const only = rule({ limit: 10, windowSeconds: 10 });
      expect((await limiter.take([only], 10, 'spend')).allowed).toBe(true);
      clock.time -= 3_600_000;
      expect((await limiter.take([only], 1, 'spend')).states[0]?.retryAfterSeconds).toBe(1);
      clock.time += 999;
      expect((await limiter.take([only], 1, 'spend')).allowed).toBe(false);
      clock.time += 1;
      expect((await limiter.take([only], 1, 'spend')).allowed).toBe(true);
    });

    it('lets one burst pass and no more when the clock steps forward', async () => {
      const clock = handClock();
      const limiter = make({ clock });
      expect((await limiter.take([rule()], 100, 'spend')).allowed).toBe(true);
      clock.time += 365 * 86_400_000;
      expect((await limiter.take([rule()], 100, 'spend')).allowed).toBe(true);
      expect((await limiter.take([rule()], 1, 'spend')).allowed).toBe(false);
    });

    it('keeps what was used, in requests, when the rule is edited', async () => {
      const limiter = make({ clock: handClock() });
      expect((await limiter.take([rule()], 60, 'spend')).states[0]?.remaining).toBe(40);
      const longer = rule({ limit: 200, windowSeconds: 3600 });
      expect((await limiter.take([longer], 1, 'peek')).states[0]).toMatchObject({ remaining: 140, resetSeconds: 1080 });
      const smaller = rule({ limit: 10, windowSeconds: 5 });
      expect((await limiter.take([smaller], 1, 'peek')).states[0]).toMatchObject({ remaining: 0, resetSeconds: 5 });
    });

    it.each([0, -1, 1.5, Number.NaN, 1e308, Number.POSITIVE_INFINITY])(
      'R-10: throws for a cost of %d',
      async (cost) => {
        const limiter = make({ clock: handClock() });
        expect(() => limiter.take([rule()], cost, 'spend')).toThrow(
          new RangeError(`a cost is a whole number from 1, not ${cost}`),
        );
      },
    );

    it.each([
      { limit: 0 },
      { limit: 1_000_001 },
      { burst: 1_000_001 },
      { burst: 0.5 },
      { windowSeconds: 2_678_401 },
      { windowSeconds: Number.NaN },
      { cost: -1 },
    ])('throws for a rule it cannot count exactly, new or edited: %j', async (parts) => {
      const limiter = make({ clock: handClock() });
      expect(() => limiter.take([rule(parts)], 1, 'spend')).toThrow(/^a rate limit needs whole numbers from 1 to /);
      expect((await limiter.take([rule()], 1, 'spend')).allowed).toBe(true);
      expect(() => limiter.take([rule(parts)], 1, 'spend')).toThrow(/^a rate limit needs whole numbers from 1 to /);
    });

    it('throws where two rules share a key', () => {
      const limiter = make({ clock: handClock() });
      expect(() => limiter.take([rule(), rule({ name: 'other' })], 1, 'spend')).toThrow(
        new Error('two limits of one request share a key'),
      );
    });
  });
}

function state(parts: object) {
  return { name: 'default', limit: 100, windowSeconds: 60, resetSeconds: 0, retryAfterSeconds: 0, ...parts };
}
