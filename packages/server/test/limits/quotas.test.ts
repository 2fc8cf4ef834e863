/** Quotas count in calendar periods of UTC, durably, all or none; a refusal writes nothing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuotaRule } from '@tessera/verify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditSeal } from '../../src/core/audit-chain.ts';
import type { Store } from '../../src/core/store-port.ts';
import { storedQuotas } from '../../src/limits/quotas.ts';
import { createRefunds, type Refunds } from '../../src/limits/refunds.ts';
import { openStore } from '../../src/store/open.ts';
import { handClock } from './support.ts';

const DAY = 86_400;

let dataFolder: string;
let store: Store;
let refunds: Refunds;
let lost: unknown[];
let writes: number;
const clock = handClock();

beforeEach(async () => {
  clock.time = Date.UTC(2026, 10, 22, 10, 0, 0);
  dataFolder = await mkdtemp(join(tmpdir(), 'tessera-quotas-'));
  await open();
});

afterEach(async () => {
  await store.close();
  await rm(dataFolder, { recursive: true });
});

async function open(): Promise<void> {
  store = await openStore({ url: undefined, dataFolder, seal: auditSeal(new Uint8Array(32)), clock });
  lost = [];
  refunds = createRefunds({ store, onRefund: (outcome, error) => outcome === 'lost' && lost.push(error) });
  writes = 0;
}

function quotas() {
  const counting = {
    quotaUsed: (key: string, period: string) => store.quotaUsed(key, period),
    credits: (token: string) => store.credits(token),
    write: <T>(work: Parameters<typeof store.write<T>>[0]) => {
      writes += 1;
      return store.write(work);
    },
  };
  return storedQuotas({ store: counting, clock, refunds });
}

function quota(parts: Partial<QuotaRule> = {}): QuotaRule {
  return { key: 'tok_1|quota', name: 'quota', limit: 3, period: 'day', ...parts };
}

describe('storedQuotas', () => {
  it('lets exactly as many pass as the quota holds, of many at once', async () => {
    const { take } = quotas();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async () => take([quota({ limit: 25 })], 1, 'spend')),
    );
    expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(25);
    expect(outcomes.filter(({ allowed }) => !allowed)[0]).toEqual({
      allowed: false,
      states: [
        {
          name: 'quota',
          limit: 25,
          windowSeconds: DAY,
          remaining: 0,
          resetSeconds: 14 * 3600,
          retryAfterSeconds: 14 * 3600,
        },
      ],
    });
    expect(await store.quotaUsed('tok_1|quota', '2026-11-22')).toBe(25);
  });

  it('keeps what it answered through a restart', async () => {
    await quotas().take([quota()], 2, 'spend');
    await store.close();
    await open();
    const { states } = await quotas().take([quota()], 1, 'peek');
    expect(states[0]?.remaining).toBe(1);
  });

  it('starts anew with the day and the month of UTC', async () => {
    const { take } = quotas();
    const daily = quota();
    const monthly = quota({ key: 'tok_1|monthly', name: 'monthly', limit: 5, period: 'month' });
    expect((await take([daily, monthly], 3, 'spend')).states).toMatchObject([
      { remaining: 0, windowSeconds: DAY, resetSeconds: 14 * 3600 },
      { remaining: 2, windowSeconds: 30 * DAY, resetSeconds: 8 * DAY + 14 * 3600 },
    ]);
    clock.time = Date.UTC(2026, 10, 22, 23, 59, 59, 999);
    expect((await take([daily], 1, 'spend')).states).toMatchObject([{ retryAfterSeconds: 1 }]);
    clock.time = Date.UTC(2026, 10, 23);
    expect((await take([daily, monthly], 2, 'spend')).allowed).toBe(true);
    clock.time = Date.UTC(2026, 10, 30, 23, 59, 59);
    expect((await take([monthly], 1, 'spend')).allowed).toBe(false);
    clock.time = Date.UTC(2026, 11, 1);
    expect((await take([monthly], 5, 'spend')).allowed).toBe(true);
    expect(await store.quotaUsed('tok_1|monthly', '2026-11')).toBe(5);
    expect(await store.quotaUsed('tok_1|monthly', '2026-12')).toBe(5);
  });

  it('spends none where one of several refuses, also when others take what was left meanwhile', async () => {
    const { take } = quotas();
    const wide = quota({ key: 'wide', name: 'wide', limit: 1000 });
    const tight = quota({ key: 'tight', name: 'tight', limit: 4 });
    // All of these are read as allowed before the first is written.
    const outcomes = await Promise.all(Array.from({ length: 12 }, async () => take([wide, tight], 1, 'spend')));
    expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(4);
    const refused = outcomes.find(({ allowed }) => !allowed);
    expect(refused?.states.map(({ retryAfterSeconds }) => retryAfterSeconds)).toEqual([0, 14 * 3600]);
    expect(await store.quotaUsed('wide', '2026-11-22')).toBe(4);
    expect(await store.quotaUsed('tight', '2026-11-22')).toBe(4);
  });

  it('writes nothing for a peek, or for a quota that is used up', async () => {
    const { take } = quotas();
    expect((await take([quota()], 3, 'peek')).allowed).toBe(true);
    expect(writes).toBe(0);
    await take([quota()], 3, 'spend');
    expect(writes).toBe(1);
    expect((await take([quota()], 1, 'spend')).allowed).toBe(false);
    expect((await take([quota()], 1, 'peek')).allowed).toBe(false);
    expect(writes).toBe(1);
  });

  it('refuses a cost above the quota, and charges nothing for it', async () => {
    const { take } = quotas();
    expect((await take([quota()], 4, 'spend')).allowed).toBe(false);
    expect((await take([quota()], 3, 'spend')).allowed).toBe(true);
  });

  it('throws for a cost that is no whole number from 1, and for two quotas that share a key', () => {
    const { take } = quotas();
    expect(() => take([quota()], 0.5, 'spend')).toThrow(new RangeError('a cost is a whole number from 1, not 0.5'));
    expect(() => take([quota(), quota()], 1, 'spend')).toThrow(new Error('two limits of one request share a key'));
  });

  it('rejects where the store cannot write: what is not durable is not allowed', async () => {
    const broken = storedQuotas({
      clock,
      refunds,
      store: {
        quotaUsed: () => 0,
        credits: async () => undefined,
        write: () => Promise.reject(new Error('the disk is full')),
      },
    });
    await expect(broken.take([quota()], 1, 'spend')).rejects.toThrow('the disk is full');
  });
});
