/** No revoked token is allowed on three nodes, whatever happens to one of them or its line: zero after the acknowledgement on the node that took it, zero anywhere after the bound. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { call } from '../support/call.ts';
import { describeWith } from '../support/program.ts';
import { endServers, STARTS_MS } from '../support/server.ts';
import { until } from '../support/until.ts';
import { FAULT_TEST_MS, LONG, lasting } from './long-faults.ts';
import { allowsOf, BOUND_MS, expectBounded, expectNoStaleAllow, observe } from './observe.ts';
import { type Node, type Platform, startPlatform } from './platform.ts';
import { random } from './random.ts';
import { type SteppedClock, steppedClock } from './stepped-clock.ts';
import type { Verifier } from './verifier.ts';

describe('three nodes', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({ nodes: 3 });
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await platform.close();
  });
  const first = (): Node => platform.nodes[0] as Node;

  it('that are healthy', { timeout: FAULT_TEST_MS }, async () => {
    expectNoStaleAllow(await observe(platform, { lasts: lasting(30_000, 2000) }));
  });

  it.each(['all', 'answers'] as const)(
    'one of which is cut off from the store, %s held',
    { timeout: FAULT_TEST_MS },
    async (what) => {
      const { line, name } = first();
      const observed = await observe(platform, {
        begin: () => line.hold(what),
        lasts: lasting(60_000),
        // The others go on as if nothing were wrong.
        unseen: (history, { from, to }) =>
          platform.nodes
            .slice(1)
            .map((other) => other.name)
            .filter((other) => allowsOf(history, other, [from + BOUND_MS, to]) === 0),
        end: line.release,
      });
      expectNoStaleAllow(observed);
      expectBounded(observed, name);
    },
  );

  it('one of whose verifiers is cut off', { timeout: FAULT_TEST_MS }, async () => {
    const [{ line, name }] = platform.verifiers as [Verifier];
    const observed = await observe(platform, {
      begin: () => line.hold('all'),
      lasts: lasting(60_000),
      end: line.release,
    });
    expectNoStaleAllow(observed);
    expectBounded(observed, name);
  });

  it.each([
    ['for less than the bound', BOUND_MS / 2],
    ['for longer than the bound', lasting(30_000)],
  ])('one of which stands still %s, and a verifier of another', { timeout: FAULT_TEST_MS }, async (_, ms) => {
    const still = [first().server(), platform.verifiers[1] as Verifier];
    const observed = await observe(platform, {
      begin: () => still.forEach(({ signal }) => void signal('SIGSTOP')),
      lasts: ms,
      end: () => still.forEach(({ signal }) => void signal('SIGCONT')),
    });
    expectNoStaleAllow(observed);
  });

  it('that are killed at random, and started again', { timeout: FAULT_TEST_MS }, async () => {
    const chance = random();
    const kill = async (): Promise<void> => {
      const node = chance.of(platform.nodes);
      await node.server().kill('SIGKILL');
      await node.restart();
      // Long enough to have something in memory again, or not.
      await delay(chance.next() * 1000);
    };
    const observed = await observe(platform, {
      async lasts() {
        for (let count = 0; count < (LONG ? 12 : 2); count += 1) await kill();
      },
    });
    expectNoStaleAllow(observed);
  });
});

describeWith(['cc'], 'three nodes with clocks of their own', () => {
  let platform: Platform;
  let clock: SteppedClock;
  beforeAll(async () => {
    clock = steppedClock();
    platform = await startPlatform({
      nodes: 3,
      env: (index) => (index === 0 ? clock.env : {}),
      // Of another node: what one step does is not undone by the same step elsewhere.
      verifierEnv: (index) => (index === 1 ? clock.env : {}),
    });
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await platform.close();
  });

  it('one of which steps back an hour and forward two, and a verifier of another with it', {
    timeout: FAULT_TEST_MS,
  }, async () => {
    const [node] = platform.nodes as [Node];
    const verifier = platform.verifiers[1] as Verifier;
    const HOUR = 3600;
    const isAhead = async (seconds: number): Promise<boolean> => {
      const { headers } = await call(node.server(), 'GET /healthz');
      const told = Date.parse(headers.get('date') ?? '') - Date.now();
      return Math.abs(told / 1000 - seconds) < 60;
    };
    const step = async (seconds: number): Promise<void> => {
      clock.ahead(seconds);
      // The header is renewed once a second.
      await until(() => isAhead(seconds), Boolean);
    };
    const observed = await observe(platform, {
      async lasts() {
        for (const seconds of [-HOUR, HOUR]) {
          await step(seconds);
          await delay(lasting(20_000) / 2);
        }
      },
      unseen: (history, { from, to }) =>
        [node, verifier].map(({ name }) => name).filter((name) => allowsOf(history, name, [from, to]) === 0),
      end: () => step(0),
    });
    expectNoStaleAllow(observed);
  });
});
