/** No revoked token is allowed on three nodes, whatever happens to one of them or its line: zero after the acknowledgement on the node that took it, zero anywhere after the bound. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../support/call.ts';
import { describeWith } from '../support/program.ts';
import { endServers, STARTS_MS } from '../support/server.ts';
import { until } from '../support/until.ts';
import { FAULT_TEST_MS, LONG, lasting } from './long-faults.ts';
import { allowsOf, BOUND_MS, expectNoStaleAllow, observe } from './observe.ts';
import { type Node, type Platform, startPlatform } from './platform.ts';
import { random } from './random.ts';
import { type SteppedClock, steppedClock } from './stepped-clock.ts';

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
    expectNoStaleAllow(await observe(platform, () => delay(lasting(30_000))));
  });

  it.each(['all', 'answers'] as const)(
    'one of which is cut off from the store, %s held',
    { timeout: FAULT_TEST_MS },
    async (what) => {
      const { line, name } = first();
      const observed = await observe(platform, async () => {
        line.hold(what);
        await delay(lasting(60_000));
        line.release();
      });
      expectNoStaleAllow(observed);
      const { history, fault } = observed;
      // It judges from memory as long as it may, and no longer.
      expect(allowsOf(history, name, [fault.from, fault.from + BOUND_MS / 2])).toBeGreaterThan(0);
      expect(allowsOf(history, name, [fault.from + BOUND_MS, fault.to])).toBe(0);
      for (const { name: other } of platform.nodes.slice(1))
        expect(allowsOf(history, other, [fault.from + BOUND_MS, fault.to])).toBeGreaterThan(0);
    },
  );

  it.each([
    ['for less than the bound', () => BOUND_MS / 2],
    ['for longer than the bound', () => lasting(30_000)],
  ])('one of which stands still %s', { timeout: FAULT_TEST_MS }, async (_, ms) => {
    const observed = await observe(platform, async () => {
      first().server().signal('SIGSTOP');
      await delay(ms());
      first().server().signal('SIGCONT');
    });
    expectNoStaleAllow(observed);
  });

  it('that are killed at random, and started again', { timeout: FAULT_TEST_MS }, async () => {
    const chance = random();
    const observed = await observe(platform, async () => {
      for (let kill = 0; kill < (LONG ? 12 : 3); kill += 1) {
        const node = chance.of(platform.nodes);
        await node.server().kill('SIGKILL');
        await node.restart();
        // Long enough to have something in memory again, or not.
        await delay(chance.next() * 1000);
      }
    });
    expectNoStaleAllow(observed);
  });
});

describeWith(['cc'], 'three nodes with clocks of their own', () => {
  let platform: Platform;
  let clock: SteppedClock;
  beforeAll(async () => {
    clock = steppedClock();
    platform = await startPlatform({ nodes: 3, env: (index) => (index === 0 ? clock.env : {}) });
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await platform.close();
  });

  it('one of which steps back an hour and forward two', { timeout: FAULT_TEST_MS }, async () => {
    const [node] = platform.nodes as [Node];
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
      await delay(lasting(20_000) / 2);
    };
    const observed = await observe(platform, async () => {
      await step(-HOUR);
      await step(HOUR);
      clock.ahead(0);
    });
    expectNoStaleAllow(observed);
    const { history, fault } = observed;
    expect(allowsOf(history, node.name, [fault.from + 1000, fault.to])).toBeGreaterThan(0);
  });
});
