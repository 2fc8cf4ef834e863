/** While PostgreSQL is away, a quota does what is written at it: refuses, passes, or is counted here; and says so. */
import {
  type BudgetRule,
  chain,
  credentialOf,
  decide,
  type OnFault,
  type PolicyFault,
  type Ports,
} from '@tessera/verify';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { asked } from '../../../verify/test/support/ports.ts';
import { factsOf, lookupOf, TOKEN } from '../../../verify/test/support/tokens.ts';
import { memoryConcurrency } from '../../src/limits/concurrency.ts';
import { memoryLimiter } from '../../src/limits/memory.ts';
import { memoryQuotas } from '../../src/limits/memory-quotas.ts';
import { storedQuotas } from '../../src/limits/quotas.ts';
import { createRefunds } from '../../src/limits/refunds.ts';
import { openStore } from '../../src/store/open.ts';
import { clock, seal } from '../store/support/fixtures.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());

test('a quota on a server that is stopped', async (context) => {
  if (server.power === undefined) return context.skip('the server is not ours to stop');
  const log = { warn: () => undefined, error: () => undefined };
  const store = await openStore({ url: await server.createDatabase(), dataFolder: '/nonexistent', seal, clock, log });
  onTestFinished(() => store.close());
  const faults: PolicyFault[] = [];
  const refunds = createRefunds({ store, onRefund: () => undefined });
  const now = { now: () => factsOf().expiresAt ?? 0 };
  const judged = (onFault: OnFault): Promise<string> => {
    const rule: BudgetRule = { key: `quota-${onFault}`, name: 'daily', limit: 3, period: 'day', onFault };
    const ports: Ports = {
      tokens: lookupOf([TOKEN, factsOf({ quotas: [rule], expiresAt: undefined })]),
      clock: now,
      limiter: memoryLimiter({ clock: now }),
      quotas: storedQuotas({ store, clock: now, refunds }),
      local,
      onPolicyFault: (fault) => faults.push(fault),
    };
    return Promise.resolve(chain(decide(credentialOf(TOKEN), asked(), ports), ({ code }) => code));
  };
  const local = {
    limiter: memoryLimiter({ clock: now }),
    quotas: memoryQuotas({ clock: now }),
    concurrency: memoryConcurrency(),
  };
  const all = async (onFault: OnFault) => Promise.all(Array.from({ length: 5 }, () => judged(onFault)));

  expect(await judged('local')).toBe('ok');
  await server.power.off();
  expect(await all('closed')).toEqual(Array(5).fill('fault'));
  expect(await all('open')).toEqual(Array(5).fill('ok'));
  expect((await all('local')).toSorted()).toEqual(['ok', 'ok', 'ok', 'quota_exceeded', 'quota_exceeded']);
  const told = faults.map(({ policy, mode }) => `${policy} ${mode}`);
  expect(told).toEqual(['closed', 'open', 'local'].flatMap((mode) => Array(5).fill(`quotas ${mode}`)));
  for (const { error } of faults) expect(error).toBeInstanceOf(Error);

  await server.power.on();
  // What was counted here stays here: the store goes on from where it was.
  await expect.poll(() => judged('closed'), { timeout: 10_000 }).toBe('ok');
  expect((await all('local')).filter((code) => code === 'ok')).toHaveLength(2);
});
