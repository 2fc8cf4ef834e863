/** What every limiter promises: it admits what a limit admits, and not one request more or less, whatever comes when. */
import type { LimitRule } from '@tessera/verify';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedLimiter } from './limiters.ts';
import { type ModelLimit, modelLimit } from './model.ts';
import { handClock, rule } from './support.ts';

const count = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 1_000_000 }), fc.constant(1_000_000));
const seconds = fc.oneof(
  fc.integer({ min: 1, max: 90 }),
  fc.integer({ min: 1, max: 2_678_400 }),
  fc.constant(2_678_400),
);
const ruleParts = fc.record({
  limit: count,
  windowSeconds: seconds,
  burst: count,
  cost: fc.integer({ min: 1, max: 3 }),
});
const rules = fc
  .array(ruleParts, { minLength: 1, maxLength: 3 })
  .map((list) => list.map((parts, index) => rule({ key: `tok_1|${index}`, ...parts })));

/** Costs and waits as shares of what the first rule allows, so that its edges are met whatever it is. */
const requests = fc.array(
  fc.record({
    costShare: fc.constantFrom(0, 0, 0, 0.3, 0.5, 1),
    gap: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ min: 0, max: 4_000_000_000 }),
    ),
    gapInSpacings: fc.constantFrom(0, 0, 1, 2),
  }),
  { maxLength: 40 },
);

/** @param runs histories of each property */
export function limiterProperties({ name, make }: NamedLimiter, runs: number): void {
  describe(`a limit of a limiter ${name}`, () => {
    it('passes every request that its promise allows and no other, with all rules at once', async () => {
      await fc.assert(
        fc.asyncProperty(rules, requests, async (list, asked) => {
          const clock = handClock();
          const limiter = make({ clock, maxKeys: 16 });
          const models = list.map(modelLimit);
          for (const { costShare, gap, gapInSpacings } of asked) {
            clock.time += gap + gapInSpacings * spacingMs(list[0]);
            const cost = Math.max(1, Math.floor((costShare * (list[0]?.burst ?? 1)) / (list[0]?.cost ?? 1)));
            const outcome = await limiter.take(list, cost, 'spend');
            const admitted = models.map((model, index) => model.admits(clock.time, cost * (list[index]?.cost ?? 1)));
            expect(outcome.states.map((state) => state.retryAfterSeconds === 0)).toEqual(admitted);
            expect(outcome.allowed).toBe(!admitted.includes(false));
            if (outcome.allowed) spendAll(models, list, { at: clock.time, cost });
          }
        }),
        { numRuns: runs },
      );
    });

    it('says truly what remains, when a refused request passes and when it is unused again', async () => {
      await fc.assert(
        fc.asyncProperty(ruleParts, requests, async (parts, asked) => {
          const clock = handClock();
          const only = rule(parts);
          const limiter = make({ clock, maxKeys: 16 });
          const model = modelLimit(only);
          for (const { costShare, gap, gapInSpacings } of asked) {
            clock.time += gap + gapInSpacings * spacingMs(only);
            const cost = Math.max(1, Math.floor((costShare * only.burst) / only.cost));
            const outcome = await limiter.take([only], cost, 'spend');
            if (outcome.allowed) model.spend(clock.time, cost * only.cost);
            const [state] = outcome.states;
            if (state === undefined) throw new Error('one rule, one state');

            const admits = (requestsOfCostOne: number, afterSeconds: number) =>
              model.admits(clock.time + afterSeconds * 1000, requestsOfCostOne * only.cost);
            if (state.remaining > 0) expect(admits(state.remaining, 0)).toBe(true);
            expect(admits(state.remaining + 1, 0)).toBe(false);

            const unused = (afterSeconds: number) => model.admits(clock.time + afterSeconds * 1000, only.burst);
            expect(unused(state.resetSeconds)).toBe(true);
            if (state.resetSeconds > 0) expect(unused(state.resetSeconds - 1)).toBe(false);

            if (!outcome.allowed && cost * only.cost <= only.burst) {
              expect(admits(cost, state.retryAfterSeconds)).toBe(true);
              expect(admits(cost, state.retryAfterSeconds - 1)).toBe(false);
            }
          }
        }),
        { numRuns: runs },
      );
    });

    it('is not loosened by a clock that steps back and forth: time counts only while it goes forward', async () => {
      const steps = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 1, maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(ruleParts, steps, async (parts, jumps) => {
          const clock = handClock();
          const only = rule({ ...parts, cost: 1 });
          const limiter = make({ clock, maxKeys: 16 });
          const model = modelLimit(only);
          let forward = 0;
          for (const jump of jumps) {
            clock.time += jump;
            forward += Math.max(0, jump);
            const { allowed } = await limiter.take([only], 1, 'spend');
            expect(allowed).toBe(model.admits(forward, 1));
            if (allowed) model.spend(forward, 1);
          }
        }),
        { numRuns: runs },
      );
    });
  });
}

/** Milliseconds between two requests at the even pace of a rule, rounded down: just too early, or just in time. */
function spacingMs(of: LimitRule | undefined): number {
  return of === undefined ? 0 : Math.floor((of.windowSeconds * 1000) / of.limit);
}

function spendAll(
  models: readonly ModelLimit[],
  list: readonly LimitRule[],
  request: { readonly at: number; readonly cost: number },
): void {
  for (const [index, model] of models.entries()) model.spend(request.at, request.cost * (list[index]?.cost ?? 1));
}
