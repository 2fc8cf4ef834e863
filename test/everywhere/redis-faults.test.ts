/** Revocations do not need Redis, and limits let no more pass than they permit, on three nodes, whatever happens to the Redis that counts for them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { OnFault } from '@tessera/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../support/program.ts';
import type { TestRedis } from '../support/redis.ts';
import { endServers, STARTS_MS } from '../support/server.ts';
import type { HeldLine } from './held-line.ts';
import { type History, isAllow, now, type Outcome, type Stretch } from './history.ts';
import { FAULT_TEST_MS, lasting } from './long-faults.ts';
import { expectNoStaleAllow, type Observed, observe } from './observe.ts';
import { type Node, type Platform, startPlatform } from './platform.ts';

/** What a request waits at most until its node knows that Redis does not answer, and some air for a busy machine. */
const NOTICED_MS = 250 + 250;
/** What there must be of anything for a test to mean something, on a busy machine, too. */
const FLOOR = 4;

describeWith(['redis-server'], 'three nodes on one Redis', () => {
  let platform: Platform;
  let redis: TestRedis;
  beforeAll(async () => {
    platform = await startPlatform({ nodes: 3, redis: true });
    redis = platform.redis as TestRedis;
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await platform?.close();
  });

  /** Judges that have told none of these of a token whose limit refuses while nothing counts it. */
  const counting = (judges: readonly Named[]) => (history: History, fault: Stretch) =>
    judges.filter(({ name }) => !told({ history, fault }, name, 'closed').includes('allowed')).map(({ name }) => name);

  it('that are healthy', { timeout: FAULT_TEST_MS }, async () => {
    const observed = await observe(platform, {
      lasts: lasting(30_000, 2000),
      unseen: counting(judgesOf(platform)),
    });
    expectNoStaleAllow(observed);
    expectLimitsKept(observed);
  });

  describe('that does not count,', () => {
    const writing = (name: string, value: string) => () => redis.command('CONFIG', 'SET', name, value);
    it.each([
      ['frozen', () => redis.freeze(), () => redis.thaw()],
      ['killed and started', (history: History) => forgetting(history, redis.kill), () => redis.start()],
      ['refusing to write', writing('min-replicas-to-write', '1'), writing('min-replicas-to-write', '0')],
      ['full', writing('maxmemory', '1'), writing('maxmemory', '0')],
    ] as const)('%s', { timeout: FAULT_TEST_MS }, async (_, begin, end) => {
      const judges = judgesOf(platform);
      const observed = await observe(platform, {
        begin,
        lasts: lasting(30_000, 4000),
        unseen: (history, fault) => [
          ...revocationsThatGoOn({ history, fault }, judges),
          ...promises({ history, fault }, judges),
        ],
        end,
      });
      expectNoStaleAllow(observed);
      expectLimitsKept(observed);
      for (const { name } of judges) expectPromisesKept(observed, name);
    });
  });

  it('that is emptied every other second', { timeout: FAULT_TEST_MS }, async () => {
    const observed = await observe(platform, {
      async lasts(history) {
        for (const end = now() + lasting(30_000, 4000); now() < end; await delay(lasting(2000, 1500)))
          await forgetting(history, () => redis.command('FLUSHALL'));
      },
      unseen: (history, fault) => revocationsThatGoOn({ history, fault }, judgesOf(platform)),
    });
    expectNoStaleAllow(observed);
    expectLimitsKept(observed);
    expect(observed.history.forgotten.length).toBeGreaterThan(1);
  });

  it.each(['all', 'answers'] as const)(
    'one of which is cut off from it, %s held',
    { timeout: FAULT_TEST_MS },
    async (what) => {
      const [cutOff, ...others] = platform.nodes as [Node, ...Node[]];
      const line = cutOff.redisLine as HeldLine;
      const observed = await observe(platform, {
        begin: () => line.hold(what),
        lasts: lasting(60_000, 4000),
        unseen: (history, fault) => [
          ...revocationsThatGoOn({ history, fault }, judgesOf(platform)),
          ...promises({ history, fault }, [cutOff]),
          ...counting(others)(history, fault),
        ],
        end: line.release,
      });
      expectNoStaleAllow(observed);
      expectLimitsKept(observed);
      expectPromisesKept(observed, cutOff.name);
    },
  );
});

type During = Pick<Observed, 'history' | 'fault'>;

interface Named {
  readonly name: string;
}

/** Whatever Redis knows is gone at some moment of this. */
async function forgetting({ forgotten }: History, how: () => Promise<unknown>): Promise<void> {
  const from = now();
  await how();
  forgotten.push({ from, to: now() });
}

function judgesOf({ nodes, verifiers }: Platform): readonly Named[] {
  return [...nodes, ...verifiers];
}

/** Limits were used up all the time: that nothing was beyond them means something then. */
function expectLimitsKept({ judged }: Observed): void {
  expect(judged.counted).toBeGreaterThan(FLOOR);
  expect(judged.limited).toBeGreaterThan(FLOOR);
}

/** What is missing where tokens without a limit pass everywhere, and end, as if nothing were wrong. */
function revocationsThatGoOn(during: During, judges: readonly Named[]): readonly string[] {
  const { history, fault } = during;
  const acknowledged = history.revocations.filter(
    ({ start, acknowledged = Infinity }) => start >= fault.from && acknowledged < fault.to,
  );
  const missing = acknowledged.length > FLOOR ? [] : ['revocations'];
  for (const { name } of judges) {
    const outcomes = told(during, name, undefined);
    if (outcomes.filter((outcome) => isAllow({ outcome })).length <= FLOOR) missing.push(`${name}, allowed`);
    if (count(outcomes, 'ended') <= FLOOR) missing.push(`${name}, ended`);
  }
  return missing;
}

/** What each limit says that a judge does who cannot ask Redis. */
const PROMISED = { closed: 'refused', open: 'uncounted', local: 'allowed' } as const satisfies Record<OnFault, Outcome>;

/** What is missing where each of these did with each token what its limit says for that. */
function promises(during: During, judges: readonly Named[]): readonly string[] {
  return judges.flatMap(({ name }) =>
    Object.entries(PROMISED)
      .filter(([onFault, promised]) => count(told(during, name, onFault as OnFault), promised) <= FLOOR)
      .map(([onFault, promised]) => `${name}, ${onFault}, ${promised}`),
  );
}

/** And nothing else. */
function expectPromisesKept(observed: Observed, judge: string): void {
  expect(told(observed, judge, 'closed').filter((outcome) => isAllow({ outcome }))).toEqual([]);
  for (const onFault of ['open', 'local'] as const) {
    const outcomes = told(observed, judge, onFault);
    // A busy machine may refuse anybody now and then, for other reasons.
    expect(count(outcomes, 'refused'), `${judge}, ${onFault}`).toBeLessThan(outcomes.length / 4);
  }
}

function count(outcomes: readonly Outcome[], wanted: Outcome): number {
  return outcomes.filter((outcome) => outcome === wanted).length;
}

/** What this judge told, when it knew that Redis does not answer, of all tokens with such a limit; undefined: with none. */
function told({ history, fault }: During, judge: string, onFault: OnFault | undefined): readonly Outcome[] {
  const within: Stretch = { from: fault.from + NOTICED_MS, to: fault.to };
  const kinds = new Map(history.limits.map((limit) => [limit.token, limit.onFault]));
  return history.calls
    .filter((call) => call.judge === judge && kinds.get(call.token) === onFault)
    .filter(({ start, end }) => start >= within.from && end < within.to)
    .map(({ outcome }) => outcome);
}
