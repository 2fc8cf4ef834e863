/** Revocations do not need Redis, and limits let no more pass than they permit, on three nodes, whatever happens to the Redis that counts for them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { OnFault } from '@tessera/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../support/program.ts';
import type { TestRedis } from '../support/redis.ts';
import { endServers, STARTS_MS } from '../support/server.ts';
import { until } from '../support/until.ts';
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

  it('that are healthy', { timeout: FAULT_TEST_MS }, async () => {
    const observed = await observe(platform, { lasts: lasting(30_000, 2000) });
    expectNoStaleAllow(observed);
    expectLimitsKept(observed);
    for (const { name } of judgesOf(platform)) expect(duringFault(observed, name, 'closed')).toContain('allowed');
  });

  describe('that does not count,', () => {
    const writing = (name: string, value: string) => () => redis.command('CONFIG', 'SET', name, value);
    it.each([
      ['frozen', () => redis.freeze(), () => redis.thaw()],
      ['killed and started', (history: History) => forgetting(history, redis.kill), () => redis.start()],
      ['refusing to write', writing('min-replicas-to-write', '1'), writing('min-replicas-to-write', '0')],
      ['full', writing('maxmemory', '1'), writing('maxmemory', '0')],
    ] as const)('%s', { timeout: FAULT_TEST_MS }, async (_, begin, end) => {
      const observed = await observe(platform, { begin, lasts: revokedFor(lasting(30_000, 4000)), end });
      expectNoStaleAllow(observed);
      expectLimitsKept(observed);
      expectRevocationsGoOn(observed, platform);
      for (const { name } of judgesOf(platform)) expectPromisesKept(observed, name);
    });
  });

  it('that is emptied every other second', { timeout: FAULT_TEST_MS }, async () => {
    const observed = await observe(platform, {
      async lasts(history) {
        const over = revokedFor(0)(history);
        for (const end = now() + lasting(30_000); now() < end; await delay(2000))
          await forgetting(history, () => redis.command('FLUSHALL'));
        await over;
      },
    });
    expectNoStaleAllow(observed);
    expectLimitsKept(observed);
    expectRevocationsGoOn(observed, platform);
    expect(observed.history.forgotten.length).toBeGreaterThan(2);
  });

  it.each(['all', 'answers'] as const)(
    'one of which is cut off from it, %s held',
    { timeout: FAULT_TEST_MS },
    async (what) => {
      const [{ name, redisLine }, ...others] = platform.nodes as [Node, ...Node[]];
      const line = redisLine as HeldLine;
      const observed = await observe(platform, {
        begin: () => line.hold(what),
        lasts: revokedFor(lasting(60_000, 4000)),
        end: line.release,
      });
      expectNoStaleAllow(observed);
      expectLimitsKept(observed);
      expectRevocationsGoOn(observed, platform);
      expectPromisesKept(observed, name);
      for (const { name: other } of others) expect(duringFault(observed, other, 'closed')).toContain('allowed');
    },
  );
});

/** For so long at least, and until as many were revoked as the test needs to mean something. */
function revokedFor(ms: number) {
  return async ({ revocations }: History): Promise<void> => {
    const from = now();
    await delay(ms);
    const acknowledged = async (): Promise<number> =>
      revocations.filter(({ start, acknowledged }) => start >= from && acknowledged !== undefined).length;
    await until(acknowledged, (count) => count > 2 * FLOOR, 20_000);
  };
}

/** Whatever Redis knows is gone at some moment of this. */
async function forgetting({ forgotten }: History, how: () => Promise<unknown>): Promise<void> {
  const from = now();
  await how();
  forgotten.push({ from, to: now() });
}

function judgesOf({ nodes, verifiers }: Platform): readonly { readonly name: string }[] {
  return [...nodes, ...verifiers];
}

/** Limits were used up all the time: that nothing was beyond them means something then. */
function expectLimitsKept({ judged }: Observed): void {
  expect(judged.counted).toBeGreaterThan(FLOOR);
  expect(judged.limited).toBeGreaterThan(FLOOR);
}

/** Tokens without a limit pass everywhere, and end, as if nothing were wrong. */
function expectRevocationsGoOn(observed: Observed, platform: Platform): void {
  const { history, fault } = observed;
  const acknowledged = history.revocations.filter(
    ({ start, acknowledged = Infinity }) => start >= fault.from && acknowledged < fault.to,
  );
  expect(acknowledged.length).toBeGreaterThan(FLOOR);
  for (const { name } of judgesOf(platform)) {
    const outcomes = duringFault(observed, name, undefined);
    expect(outcomes.filter((outcome) => isAllow({ outcome })).length, name).toBeGreaterThan(FLOOR);
    expect(outcomes.filter((outcome) => outcome === 'ended').length, name).toBeGreaterThan(FLOOR);
  }
}

/** Who cannot ask Redis does with each token what its limit says for that. */
function expectPromisesKept(observed: Observed, judge: string): void {
  const refused = (outcomes: readonly Outcome[]): number => outcomes.filter((outcome) => outcome === 'refused').length;
  // A busy machine may refuse anybody, for other reasons: tokens without a limit, too, which are asked for more often.
  const anyway = refused(duringFault(observed, judge, undefined));
  const closed = duringFault(observed, judge, 'closed');
  expect(closed.filter((outcome) => isAllow({ outcome }))).toEqual([]);
  expect(closed).toContain('refused');
  const open = duringFault(observed, judge, 'open');
  expect(open).toContain('uncounted');
  expect(refused(open)).toBeLessThanOrEqual(anyway);
  const local = duringFault(observed, judge, 'local');
  expect(local).toContain('allowed');
  expect(refused(local)).toBeLessThanOrEqual(anyway);
}

/** What this judge told, when it knew that Redis does not answer, of all tokens with such a limit; undefined: with none. */
function duringFault({ history, fault }: Observed, judge: string, onFault: OnFault | undefined): readonly Outcome[] {
  const within: Stretch = { from: fault.from + NOTICED_MS, to: fault.to };
  const kinds = new Map(history.limits.map((limit) => [limit.token, limit.onFault]));
  return history.calls
    .filter((call) => call.judge === judge && kinds.get(call.token) === onFault)
    .filter(({ start, end }) => start >= within.from && end < within.to)
    .map(({ outcome }) => outcome);
}
