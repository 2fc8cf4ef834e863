/**
 * However many verifiers hold shares of a limit, whatever dies and whatever is lost: nothing passes that was not counted, and never more in a
 * stretch than the bound says.
 */
import { digestKey, type Limiter, type TokenFacts } from '@tessera/verify';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leasesOver } from '../../../verify/src/leases/lease-wire.ts';
import { type LeasedLimits, leasedLimits } from '../../../verify/src/leases/leased-limits.ts';
import { leaseReads } from '../../src/api/leases.ts';
import type { ReadRequest } from '../../src/api/services.ts';
import { shareSeconds } from '../../src/core/leases.ts';
import { limiters, type NamedLimiter } from './limiters.ts';
import { handClock, now, rule } from './support.ts';

const VERIFIERS = 3;

const ruleParts = fc.record({
  limit: fc.integer({ min: 1, max: 60 }),
  windowSeconds: fc.constantFrom(1, 3, 20, 60, 600),
  burst: fc.integer({ min: 1, max: 60 }),
  cost: fc.integer({ min: 1, max: 2 }),
});

const who = fc.nat({ max: VERIFIERS - 1 });
const cost = fc.constantFrom(1, 1, 1, 2, 5);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('request' as const), who, cost, times: fc.nat({ max: 12 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('exact' as const), cost, times: fc.nat({ max: 6 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4000 }) }) },
  // A paused process, or an idle one.
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 4000, max: 900_000 }) }),
  },
  // Somebody takes all that is left.
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('exact' as const), cost: fc.constant(1), times: fc.constant(60) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: -20_000, max: 20_000 }) }),
  },
);
/** What becomes of each question, in turn: how long it takes there and back, and whether its answer is lost. */
const fates = fc.array(
  fc.record({
    there: fc.constantFrom(0, 0, 1, 30, 900),
    back: fc.constantFrom(0, 0, 1, 30, 1500),
    lost: fc.constantFrom(false, false, false, false, true),
  }),
  { minLength: 1, maxLength: 20 },
);

interface Passed {
  /** On a clock that never steps. */
  readonly at: number;
  readonly cost: number;
}

/** One limit, its server, and verifiers, on a time that the test moves. */
function world(make: NamedLimiter['make'], parts: Partial<ReturnType<typeof rule>>, next: () => Fate) {
  const wall = handClock();
  const own = rule({ ...parts, mode: 'approximate' });
  const limiter: Limiter = make({ clock: wall, maxKeys: 16 });
  const facts = factsWith(own);
  const passed: Passed[] = [];
  const forward: { readonly at: number; readonly ms: number }[] = [];
  const due: { readonly at: number; readonly go: () => void }[] = [];
  let time = 0;
  let granted = 0;
  const at = (ms: number): Promise<void> => new Promise((go) => void due.push({ at: time + ms, go }));

  const ask = leasesOver({
    async post(_path, body) {
      const { there, back, lost } = next();
      await at(there);
      const services = { ports: { limiter, clock: wall, tokens: { find: () => facts } } };
      const request = { call: { workspace: 'ws_1' }, body, services };
      const { output } = await leaseReads['leases.take'](request as unknown as ReadRequest<'leases.take'>);
      granted += output.granted;
      await at(back);
      if (lost) throw new Error('the answer was lost');
      return JSON.parse(JSON.stringify(output));
    },
    isRefusal: () => false,
  });
  const verifier = (): LeasedLimits => leasedLimits({ ask, monotonic: () => time, onError: () => {} });
  const verifiers = Array.from({ length: VERIFIERS }, verifier);

  const settled = async (): Promise<void> => {
    for (let turns = 0; turns < 30; turns += 1) await Promise.resolve();
  };
  return {
    own,
    passed,
    forward,
    grantedSoFar: () => granted,
    async requests(index: number, cost: number, times: number) {
      const chosen = verifiers[index];
      if (chosen === undefined) throw new Error('no such verifier');
      const pass = ({ allowed }: { readonly allowed: boolean }): void => {
        if (allowed) passed.push({ at: time, cost });
      };
      for (let made = 0; made < times; made += 1) {
        const held = chosen.takeHeld(facts, cost);
        if (held !== undefined) pass(held);
        else chosen.take(facts, cost).then(pass, () => {});
      }
      await settled();
    },
    exact(cost: number) {
      if (!now(limiter.take([own], cost, 'spend')).allowed) return;
      granted += cost;
      passed.push({ at: time, cost });
    },
    crash(index: number) {
      verifiers[index] = verifier();
    },
    step(ms: number) {
      wall.time += ms;
      if (ms > 0) forward.push({ at: time, ms });
    },
    async wait(ms: number) {
      const end = time + ms;
      await settled();
      for (;;) {
        const first = due.toSorted((one, other) => one.at - other.at)[0];
        if (first === undefined || first.at > end) break;
        due.splice(due.indexOf(first), 1);
        wall.time += first.at - time;
        time = first.at;
        first.go();
        await settled();
      }
      wall.time += end - time;
      time = end;
    },
  };
}

interface Fate {
  readonly there: number;
  readonly back: number;
  readonly lost: boolean;
}

describe.each(limiters)('shares of a limit that is counted by a limiter $name', ({ make }) => {
  it('never let more pass than was counted, nor more in t seconds than burst + floor((t + S) * limit / window)', async () => {
    await fc.assert(
      fc.asyncProperty(ruleParts, fates, fc.array(step, { maxLength: 60 }), async (parts, fatesOfRun, steps) => {
        let asked = 0;
        const next = (): Fate => {
          asked += 1;
          return fatesOfRun[asked % fatesOfRun.length] ?? { there: 0, back: 0, lost: false };
        };
        const { own, passed, forward, grantedSoFar, ...does } = world(make, parts, next);
        for (const one of steps) {
          if (one.kind === 'wait') await does.wait(one.ms);
          else if (one.kind === 'crash') does.crash(one.who);
          else if (one.kind === 'step') does.step(one.ms);
          else if (one.kind === 'request') await does.requests(one.who, one.cost, one.times);
          else for (let time = 0; time < one.times; time += 1) does.exact(one.cost);
        }
        await does.wait(20_000);
        expect(sumOf(passed)).toBeLessThanOrEqual(grantedSoFar());
        expect(excessOf(passed, { own, forward })).toBeLessThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });
});

/** By how many units more than it may, times the window, the worst stretch let pass. */
function excessOf(
  passed: readonly Passed[],
  { own, forward }: { readonly own: ReturnType<typeof rule>; readonly forward: readonly { at: number; ms: number }[] },
): number {
  const windowMs = own.windowSeconds * 1000;
  const life = shareSeconds(own) * 1000;
  let worst = Number.NEGATIVE_INFINITY;
  for (const [first, { at: start }] of passed.entries()) {
    let units = 0;
    for (const { at: end, cost } of passed.slice(first)) {
      units += cost * own.cost;
      // A clock of the server that is set forward gives as much as if the time had gone by: to exact requests as to shares.
      const stepped = forward.filter(({ at }) => at >= start - life && at <= end).reduce((sum, { ms }) => sum + ms, 0);
      worst = Math.max(worst, units * windowMs - own.burst * windowMs - (end - start + life + stepped) * own.limit);
    }
  }
  return worst;
}

function sumOf(passed: readonly Passed[]): number {
  return passed.reduce((sum, { cost }) => sum + cost, 0);
}

function factsWith(own: ReturnType<typeof rule>): TokenFacts {
  return {
    id: 'tok_1',
    kind: 'api_key',
    name: 'x',
    workspace: { id: 'ws_1', enabled: true },
    owner: undefined,
    api: { id: 'api_1', audience: 'https://api.example.test' },
    environment: 'live',
    scopes: [],
    expiresAt: undefined,
    secret: { key: digestKey('x'), state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    notBefore: undefined,
    limits: [own],
    quotas: [],
    addresses: [],
    boundKey: undefined,
  };
}
