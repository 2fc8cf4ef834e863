/** A unit of work is all or nothing, and alone. */
import { digestKeyOf } from '@tessera/verify';
import { expect, test } from 'vitest';
import { DigestTaken, type Tx } from '../../../src/core/store-port.ts';
import type { Stores } from '../contract.ts';
import { anEntry, aSecret, aTenant, aToken, mint, NOW, times } from '../support/fixtures.ts';

export function units(stores: () => Stores): void {
  test('a unit sees what it wrote; nobody else does before it is committed', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    await one.write(async (tx) => {
      const [token, secret] = await mint(tx, tenant);
      expect((await tx.token(tenant.workspace.id, token.id))?.token).toEqual(token);
      for (const store of [one, two]) {
        expect(await store.token(tenant.workspace.id, token.id)).toBeUndefined();
        expect(await store.find(digestKeyOf(secret.digest))).toBeUndefined();
      }
    });
  });

  test('a unit that throws is undone, with its record and its change, and tells its own error', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    const latest = await one.latestChange();
    const failure = new Error('no');
    const work = async (tx: Tx): Promise<never> => {
      await mint(tx, tenant);
      throw failure;
    };
    await expect(one.write(work)).rejects.toBe(failure);
    expect(await one.tokens(tenant.workspace.id, { now: NOW }, { limit: 1, before: undefined })).toEqual([]);
    expect(await one.latestChange()).toBe(latest);
    expect(await one.auditHead(tenant.workspace.id)).toBeUndefined();
  });

  test('aside, too: all or nothing, with its record and its change, which are told', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    const heard: string[] = [];
    one.onCommit((changes) => heard.push(...changes.map(({ id }) => id)));
    const failure = new Error('no');
    const lost = one.writeAside(async (tx) => {
      await mint(tx, tenant);
      throw failure;
    });
    await expect(lost).rejects.toBe(failure);
    const [token, secret] = await one.writeAside((tx) => mint(tx, tenant));
    expect(heard).toEqual([token.id]);
    for (const store of [one, two]) {
      expect((await store.find(digestKeyOf(secret.digest)))?.token).toEqual(token);
      expect((await store.auditHead(tenant.workspace.id))?.seq).toBe(1);
    }
  });

  test('units of both ways take turns as they came, and each sees what those before it wrote', async () => {
    const { one } = stores();
    const append = (letter: string) => async (tx: Tx) => {
      const before = (await tx.meta('turns')) ?? '';
      await tx.setMeta('turns', before + letter);
      return before;
    };
    const before = await Promise.all([
      one.writeAside(append('a')),
      one.writeAside(append('b')),
      one.write(append('c')),
      one.writeAside(append('d')),
      one.write(append('e')),
    ]);
    expect(before).toEqual(['', 'a', 'ab', 'abc', 'abcd']);
    expect(await one.meta('turns')).toBe('abcde');
  });

  test('among fifty units at once, one that throws loses only itself', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    const results = await Promise.allSettled(
      times(50, (index) =>
        one.write(async (tx) => {
          const [token] = await mint(tx, tenant);
          if (index % 7 === 3) throw new Error(`unit ${index}`);
          return token.id;
        }),
      ),
    );
    const [kept, lost] = [
      results.filter((result) => result.status === 'fulfilled').map((result) => result.value),
      results.filter((result) => result.status === 'rejected').map((result) => String(result.reason)),
    ];
    expect(lost).toEqual([3, 10, 17, 24, 31, 38, 45].map((index) => `Error: unit ${index}`));
    const tokens = await two.tokens(tenant.workspace.id, { now: NOW }, { limit: 100, before: undefined });
    expect(tokens.map(({ token }) => token.id).toSorted()).toEqual(kept.toSorted());
    expect((await two.auditHead(tenant.workspace.id))?.seq).toBe(kept.length);
  });

  test('a unit whose statement the database refuses loses only itself, and may go on where it expects that', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    const [token] = await one.write((tx) => mint(tx, tenant));
    const again = aToken(tenant.workspace.id, tenant.api.id, { id: token.id });
    const results = await Promise.allSettled([
      one.write((tx) => mint(tx, tenant)),
      one.write((tx) => tx.insertToken(again, aSecret(again.id))),
      one.write((tx) => mint(tx, tenant)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const tokens = await one.tokens(tenant.workspace.id, { now: NOW }, { limit: 100, before: undefined });
    expect(tokens).toHaveLength(3);
  });

  test('a digest that is taken: the unit draws another, and the first try leaves nothing', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    const [, secret] = await one.write((tx) => mint(tx, tenant));
    const token = aToken(tenant.workspace.id, tenant.api.id);
    const fresh = aSecret(token.id);
    await one.write(async (tx) => {
      const taken = aSecret(token.id, { digest: secret.digest });
      await expect(tx.insertToken(token, taken)).rejects.toThrow(DigestTaken);
      await tx.insertToken(token, fresh);
      await expect(tx.insertSecret(taken)).rejects.toThrow('another secret has this digest');
    });
    expect(await one.token(tenant.workspace.id, token.id)).toEqual({ token, secrets: [fresh] });
    expect((await one.find(digestKeyOf(secret.digest)))?.token.id).not.toBe(token.id);
  });

  test('a unit that is over writes no more, not even into the one that comes next', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    let kept: Tx | undefined;
    await one.write(async (tx) => {
      kept = tx;
    });
    const late = async () => kept?.setMeta('late', 'written');
    await one.write(async (tx) => {
      await expect(late()).rejects.toThrow('this unit of work is over');
      expect(() => kept?.record(anEntry(tenant.workspace.id))).toThrow('this unit of work is over');
      await tx.setMeta('in time', 'written');
    });
    expect(await one.meta('late')).toBeUndefined();
    expect(await one.meta('in time')).toBe('written');
  });
}
