/** There is one writer at a time, over every store on the database. */
import { expect, test } from 'vitest';
import { granted, spent } from '../../../src/core/credits.ts';
import { DigestTaken, type Store } from '../../../src/core/store-port.ts';
import type { Stores } from '../contract.ts';
import { aSecret, aTenant, aToken, mint, times } from '../support/fixtures.ts';

const PARALLEL = 50;

/** Fifty calls at once, by turns on each of two stores. */
function onBoth<T>({ one, two }: Stores, work: (store: Store, index: number) => Promise<T>): Promise<T>[] {
  return times(PARALLEL, (index) => work(index % 2 === 0 ? one : two, index));
}

export function concurrency(stores: () => Stores): void {
  test('fifty edits of one token that each build on the last: none is lost', async () => {
    const tenant = await aTenant(stores().one);
    const [{ id }] = await stores().one.write((tx) => mint(tx, tenant));
    const workspace = tenant.workspace.id;
    const versions = await Promise.all(
      onBoth(stores(), (store) =>
        store.write(async (tx) => {
          const found = await tx.token(workspace, id);
          if (found === undefined) throw new Error('the token is gone');
          const version = found.token.version + 1;
          await tx.updateToken({ ...found.token, version, scopes: [...found.token.scopes, `step:${version}`] });
          await tx.insertSecret(aSecret(id));
          return version;
        }),
      ),
    );
    const expected = times(PARALLEL, (index) => index + 2);
    expect(versions.toSorted((a, b) => a - b)).toEqual(expected);
    const found = await stores().two.token(workspace, id);
    expect(found?.token.scopes).toEqual(expected.map((version) => `step:${version}`));
    expect(found?.secrets).toHaveLength(PARALLEL + 1);
  });

  test('fifty inserts of one digest: one wins, the others hear DigestTaken', async () => {
    const { workspace, api } = await aTenant(stores().one);
    const { digest } = aSecret('');
    const results = await Promise.allSettled(
      onBoth(stores(), (store) => {
        const token = aToken(workspace.id, api.id);
        return store.write((tx) => tx.insertToken(token, aSecret(token.id, { digest })));
      }),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refusals = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    expect(refusals).toHaveLength(PARALLEL - 1);
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(DigestTaken);
  });

  test('fifty spendings of a quota on two nodes: never more than its limit, and all of it', async () => {
    const spent = await Promise.all(
      onBoth(stores(), (store, index) =>
        store.write((tx) => tx.spendQuota('tok_quota', '2026-11', { cost: 1 + (index % 3), limit: 40 })),
      ),
    );
    const costs = spent.map(({ allowed }, index) => (allowed ? 1 + (index % 3) : 0));
    const total = costs.reduce((sum, cost) => sum + cost, 0);
    expect(total).toBe(40);
    expect(await stores().one.quotaUsed('tok_quota', '2026-11')).toBe(40);
  });

  test('fifty refunds of a quota on two nodes take back what they spent, and never more than is counted', async () => {
    const key = 'tok_refunded';
    await stores().one.write((tx) => tx.spendQuota(key, '2026-11', { cost: 60, limit: 60 }));
    await Promise.all(onBoth(stores(), (store) => store.write((tx) => tx.refundQuota(key, '2026-11', 1))));
    expect(await stores().two.quotaUsed(key, '2026-11')).toBe(10);
    await stores().one.write((tx) => tx.refundQuota(key, '2026-11', 11));
    await stores().one.write((tx) => tx.refundQuota(key, '2026-10', 1));
    expect(await stores().two.quotaUsed(key, '2026-11')).toBe(10);
    expect(await stores().two.quotaUsed(key, '2026-10')).toBe(0);
  });

  test('fifty claims of a proof on two nodes: one is the first, and the same proof is never claimed again', async () => {
    const until = Date.now() + 60_000;
    const claims = await Promise.all(
      onBoth(stores(), (store) => store.write((tx) => tx.claimProof('proof_contended', until))),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await stores().two.write((tx) => tx.claimProof('proof_contended', until))).toBe(false);
    expect(await stores().two.write((tx) => tx.claimProof('proof_other', until))).toBe(true);
  });

  test('a claim of a proof is dropped when no clock takes it for valid any more', async () => {
    const long = Date.now() - 600_000;
    expect(await stores().one.write((tx) => tx.claimProof('proof_over', long))).toBe(true);
    expect(await stores().one.write((tx) => tx.claimProof('proof_over', Date.now()))).toBe(true);
    expect(await stores().two.write((tx) => tx.claimProof('proof_over', Date.now()))).toBe(false);
  });

  test('fifty spendings of credits on two nodes: each builds on the last', async () => {
    const tenant = await aTenant(stores().one);
    const [{ id }] = await stores().one.write((tx) => mint(tx, tenant));
    await stores().one.write((tx) => tx.putCredits(id, granted(30, { refill: null, now: 0 })));
    const left = await Promise.all(
      onBoth(stores(), (store) =>
        store.write(async (tx) => {
          const account = await tx.credits(id);
          const after = account && spent(account, 1);
          if (after !== undefined) await tx.putCredits(id, after);
          return after?.remaining;
        }),
      ),
    );
    const passed = left.filter((remaining) => remaining !== undefined);
    expect(passed.toSorted((a, b) => a - b)).toEqual(times(30, (index) => index));
    expect((await stores().two.credits(id))?.remaining).toBe(0);
  });

  test('fifty counts of one hour add up', async () => {
    await Promise.all(
      onBoth(stores(), (store) =>
        store.write((tx) => tx.addUsage([{ token: 'tok_usage', hour: 0, allowed: 2, denied: 1 }])),
      ),
    );
    expect(await stores().one.usage('tok_usage', 0, 1)).toEqual([
      { token: 'tok_usage', hour: 0, allowed: 2 * PARALLEL, denied: PARALLEL },
    ]);
  });
}
