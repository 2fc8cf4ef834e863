/** What an unserved request spent comes back durably, once, and never twice where that is in doubt. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BudgetRule, QuotaOutcome } from '@tessera/verify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditSeal } from '../../src/core/audit-chain.ts';
import { granted } from '../../src/core/credits.ts';
import { OutcomeUnknown, type Store, StoreUnavailable, type Tx } from '../../src/core/store-port.ts';
import { storedQuotas } from '../../src/limits/quotas.ts';
import { createRefunds, type Refunds } from '../../src/limits/refunds.ts';
import { openStore } from '../../src/store/open.ts';
import { aTenant, mint } from '../store/support/fixtures.ts';
import { handClock } from './support.ts';

const clock = handClock(Date.UTC(2026, 10, 22, 23));
const HOUR = 3_600_000;
const DAILY: BudgetRule = { key: 'tok_1', name: 'daily', limit: 50, period: 'day' };

let folder: string;
let store: Store;
let token: string;
/** Errors of the next writes; undefined: none. */
let failures: (Error | undefined)[];
let outcomes: string[];
let refunds: Refunds;

beforeEach(async () => {
  clock.time = Date.UTC(2026, 10, 22, 23);
  folder = await mkdtemp(join(tmpdir(), 'tessera-refunds-'));
  store = await openStore({ url: undefined, dataFolder: folder, seal: auditSeal(new Uint8Array(32)), clock });
  const tenant = await aTenant(store);
  [{ id: token }] = await store.write((tx) => mint(tx, tenant));
  failures = [];
  outcomes = [];
  refunds = createRefunds({
    store: { write: (work) => failing(failures.shift()) ?? store.write(work) },
    onRefund: (outcome) => outcomes.push(outcome),
    retryMs: 5,
  });
});

afterEach(async () => {
  await refunds.stop();
  await store.close();
  await rm(folder, { recursive: true });
});

function failing(error: Error | undefined): Promise<never> | undefined {
  return error && Promise.reject(error);
}

function take(rules: readonly BudgetRule[], cost = 1): Promise<QuotaOutcome> {
  return Promise.resolve(storedQuotas({ store, clock, refunds }).take(rules, cost, 'spend'));
}

const used = async (): Promise<number> => store.quotaUsed('tok_1', '2026-11-22');
const credits = (): BudgetRule => ({ kind: 'credits', key: token, name: 'credits', refill: undefined });
const grant = (remaining: number): Promise<void> =>
  store.write((tx: Tx) => tx.putCredits(token, granted(remaining, { refill: null, now: clock.time })));
const left = async (): Promise<number | undefined> => (await store.credits(token))?.remaining;

describe('a refund', () => {
  it('gives back what fifty at once spent, of quota and credits, each once', async () => {
    await grant(40);
    const taken = await Promise.all(Array.from({ length: 50 }, () => take([DAILY, credits()])));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(40);
    expect([await used(), await left()]).toEqual([40, 0]);
    for (const { refund } of taken.slice(0, 30)) {
      refund?.();
      refund?.();
    }
    const expected = taken.slice(0, 30).filter(({ allowed }) => allowed).length;
    await expect.poll(() => outcomes.length).toBe(expected);
    expect([await used(), await left()]).toEqual([40 - expected, expected]);
  });

  it('is of the cost that was spent, in the period it was spent in', async () => {
    const { refund } = await take([DAILY], 7);
    clock.time += 2 * HOUR;
    await take([DAILY], 5);
    refund?.();
    await expect.poll(() => outcomes).toEqual(['given']);
    expect([await used(), await store.quotaUsed('tok_1', '2026-11-23')]).toEqual([0, 5]);
  });

  it('is tried again while the store takes no writes', async () => {
    const { refund } = await take([DAILY], 3);
    failures = [new StoreUnavailable('away'), new StoreUnavailable('away'), new StoreUnavailable('away')];
    refund?.();
    await expect.poll(() => outcomes).toEqual(['given']);
    expect(await used()).toBe(0);
  });

  it('is lost where it may have been written: it is never given twice', async () => {
    const { refund } = await take([DAILY], 3);
    failures = [new OutcomeUnknown('the connection was lost at COMMIT')];
    refund?.();
    await expect.poll(() => outcomes).toEqual(['lost']);
    expect(await used()).toBe(3);
  });

  it('that waits is written at the stop, and lost where it cannot be', async () => {
    const [one, other] = [await take([DAILY]), await take([DAILY])];
    failures = [new StoreUnavailable('away'), new StoreUnavailable('away'), undefined, new StoreUnavailable('away')];
    refunds = createRefunds({
      store: { write: (work) => failing(failures.shift()) ?? store.write(work) },
      onRefund: (outcome) => outcomes.push(outcome),
      retryMs: 3_600_000,
    });
    const quotas = storedQuotas({ store, clock, refunds });
    const third = await quotas.take([DAILY], 1, 'spend');
    const fourth = await quotas.take([DAILY], 1, 'spend');
    third.refund?.();
    fourth.refund?.();
    await expect.poll(() => failures.length).toBe(2);
    await refunds.stop();
    expect(outcomes.toSorted()).toEqual(['given', 'lost']);
    expect([one.allowed, other.allowed, await used()]).toEqual([true, true, 3]);
  });
});

describe('credits', () => {
  it('refuse when they are used up, and say that it is they', async () => {
    await grant(2);
    expect((await take([credits()], 2)).states).toMatchObject([{ name: 'credits', limit: 2, remaining: 0 }]);
    expect(await take([DAILY, credits()])).toMatchObject({
      allowed: false,
      detail: 'credits are used up',
      states: [{ retryAfterSeconds: 0 }, { remaining: 0, windowSeconds: 0, retryAfterSeconds: 86_400 }],
    });
    expect(await used()).toBe(0);
  });

  it('are filled up once at the start of a period, by whoever asks first of fifty', async () => {
    const refill = { amount: 10, period: 'day' } as const;
    await store.write((tx) => tx.putCredits(token, granted(3, { refill, now: clock.time })));
    const rule: BudgetRule = { kind: 'credits', key: token, name: 'credits', refill };
    expect((await take([rule], 3)).states).toMatchObject([{ resetSeconds: 3600, windowSeconds: 86_400 }]);
    expect((await take([rule])).allowed).toBe(false);
    clock.time += HOUR;
    const taken = await Promise.all(Array.from({ length: 50 }, () => take([rule])));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(await left()).toBe(0);
  });

  it('without an account are a fault: nobody guesses how many there are', async () => {
    await expect(take([credits()])).rejects.toThrow(`token ${token} has no account of credits`);
  });
});
