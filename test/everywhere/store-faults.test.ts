/** No revoked token is allowed on two nodes, whatever happens to the database that they have in common. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { Power } from '../support/postgres.ts';
import { endServers, STARTS_MS } from '../support/server.ts';
import { FAULT_TEST_MS, lasting } from './long-faults.ts';
import { allowsOf, BOUND_MS, expectNoStaleAllow, type Observed, observe } from './observe.ts';
import { type Platform, startPlatform } from './platform.ts';

describe('two nodes', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({ nodes: 2 });
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await platform.close();
  });
  const powerIn = (context: TestContext): Power => {
    const { power } = platform.postgres;
    return power ?? context.skip('the server is not ours to stop');
  };
  /** They judge from memory as long as they may, and then refuse. */
  const expectBounded = ({ history, fault }: Observed): void => {
    for (const { name } of platform.nodes) {
      expect(allowsOf(history, name, [fault.from, fault.from + BOUND_MS / 2])).toBeGreaterThan(0);
      expect(allowsOf(history, name, [fault.from + BOUND_MS + 500, fault.to - 500])).toBe(0);
    }
  };

  it('that are healthy', { timeout: FAULT_TEST_MS }, async () => {
    expectNoStaleAllow(await observe(platform, () => delay(lasting(30_000))));
  });

  it('whose PostgreSQL is stopped and started', { timeout: FAULT_TEST_MS }, async (context) => {
    const power = powerIn(context);
    const observed = await observe(platform, async () => {
      await power.off();
      await delay(lasting(30_000));
      await power.on();
    });
    expectNoStaleAllow(observed);
  });

  it('whose PostgreSQL stands still and goes on', { timeout: FAULT_TEST_MS }, async (context) => {
    const power = powerIn(context);
    const observed = await observe(platform, async () => {
      power.freeze();
      await delay(lasting(30_000));
      power.thaw();
    });
    expectNoStaleAllow(observed);
    expectBounded(observed);
  });

  it('whose PostgreSQL is killed and started', { timeout: FAULT_TEST_MS }, async (context) => {
    const power = powerIn(context);
    const observed = await observe(platform, async () => {
      await power.crash();
      await delay(lasting(30_000));
      await power.on();
    });
    expectNoStaleAllow(observed);
    expectBounded(observed);
  });
});
