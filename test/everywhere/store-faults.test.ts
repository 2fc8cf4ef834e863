/** No revoked token is allowed on two nodes and their verifiers, whatever happens to the database that they have in common. */
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import type { Power } from '../support/postgres.ts';
import { endServers, STARTS_MS } from '../support/server.ts';
import { FAULT_TEST_MS, lasting } from './long-faults.ts';
import { expectBounded, expectNoStaleAllow, type Observed, observe } from './observe.ts';
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
  /** Nobody can know whom to trust, and says so: nodes, and the verifiers that follow them. */
  const expectAllBounded = (observed: Observed): void => {
    for (const { name } of [...platform.nodes, ...platform.verifiers]) expectBounded(observed, name);
  };

  it('that are healthy', { timeout: FAULT_TEST_MS }, async () => {
    expectNoStaleAllow(await observe(platform, { lasts: lasting(30_000, 2000) }));
  });

  it('whose PostgreSQL is stopped and started', { timeout: FAULT_TEST_MS }, async (context) => {
    const { off: begin, on: end } = powerIn(context);
    const observed = await observe(platform, { begin, lasts: lasting(30_000), end });
    expectNoStaleAllow(observed);
    expectAllBounded(observed);
  });

  it('whose PostgreSQL stands still and goes on', { timeout: FAULT_TEST_MS }, async (context) => {
    const { freeze: begin, thaw: end } = powerIn(context);
    const observed = await observe(platform, { begin, lasts: lasting(30_000), end });
    expectNoStaleAllow(observed);
    expectAllBounded(observed);
  });

  it('whose PostgreSQL is killed and started', { timeout: FAULT_TEST_MS }, async (context) => {
    const { kill: begin, on: end } = powerIn(context);
    const observed = await observe(platform, { begin, lasts: lasting(30_000), end });
    expectNoStaleAllow(observed);
    expectAllBounded(observed);
  });
});
