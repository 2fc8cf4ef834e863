/** Lists are complete, stable while they are read, and filtered as asked. */
import { fingerprint } from '@tessera/token';
import { expect, test } from 'vitest';
import type { PageRequest, TokenFilter } from '../../../src/core/store-port.ts';
import type { Stores } from '../contract.ts';
import { anApi, anOwner, aRole, aSecret, aTenant, aToken, aWorkspace, mint, NOW, times } from '../support/fixtures.ts';

/** Reads to the end, page by page. */
async function all<T>(
  limit: number,
  { read, id }: { read: (page: PageRequest) => Promise<readonly T[]>; id: (item: T) => string },
): Promise<string[]> {
  const ids: string[] = [];
  for (let before: string | undefined; ; before = ids.at(-1)) {
    const page = await read({ limit, before });
    expect(page.length).toBeLessThanOrEqual(limit);
    ids.push(...page.map(id));
    if (page.length < limit) return ids;
  }
}

const newestFirst = (ids: readonly string[]): string[] => ids.toSorted().toReversed();

export function lists(stores: () => Stores): void {
  test('every list pages newest first, without a gap or a repeat', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    await aTenant(one);
    const apis = times(10, () => anApi(workspace.id));
    const owners = times(11, () => anOwner(workspace.id));
    const roles = times(11, () => aRole(workspace.id));
    const tokens = times(23, () => aToken(workspace.id, api.id));
    await one.write(async (tx) => {
      for (const value of apis) await tx.insertApi(value);
      for (const value of owners) await tx.insertOwner(value);
      for (const value of roles) await tx.insertRole(value);
      for (const value of tokens) await tx.insertToken(value, aSecret(value.id));
      // A second secret makes no second item.
      await tx.insertSecret(aSecret(tokens[5]?.id ?? ''));
    });
    const id = (item: { readonly id: string }) => item.id;
    const ids = (items: readonly { readonly id: string }[]) => newestFirst(items.map(id));
    for (const limit of [1, 4, 11, 100]) {
      expect(await all(limit, { read: (page) => two.apis(workspace.id, page), id })).toEqual(ids([api, ...apis]));
      expect(await all(limit, { read: (page) => two.owners(workspace.id, {}, page), id })).toEqual(ids(owners));
      expect(await all(limit, { read: (page) => two.roles(workspace.id, page), id })).toEqual(ids(roles));
      const read = (page: PageRequest) => two.tokens(workspace.id, { now: NOW }, page);
      expect(await all(limit, { read, id: ({ token }) => token.id })).toEqual(ids(tokens));
    }
  });

  test('what is inserted while a list is read does not shift its pages', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    const minted = await one.write((tx) => Promise.all(times(6, () => mint(tx, tenant))));
    const page = { limit: 3, before: undefined };
    const first = await one.tokens(tenant.workspace.id, { now: NOW }, page);
    await one.write((tx) => mint(tx, tenant));
    const second = await one.tokens(tenant.workspace.id, { now: NOW }, { limit: 3, before: first.at(-1)?.token.id });
    const read = [...first, ...second].map(({ token }) => token.id);
    expect(read).toEqual(newestFirst(minted.map(([token]) => token.id)));
  });

  test('workspaces page over all tenants', async () => {
    const { one } = stores();
    const made = times(5, () => aWorkspace());
    await one.write((tx) => Promise.all(made.map((workspace) => tx.insertWorkspace(workspace))).then(() => undefined));
    const read = await all(2, { read: (page) => one.workspaces(page), id: ({ id }) => id });
    expect(read).toEqual(newestFirst(read));
    expect(read).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
  });

  test('tokens by state: each is in exactly one, at the moment that is asked', async () => {
    const { one } = stores();
    const { workspace, api } = await aTenant(one);
    const made = {
      active: [aToken(workspace.id, api.id), aToken(workspace.id, api.id, { notBefore: NOW, expiresAt: NOW + 1 })],
      disabled: [aToken(workspace.id, api.id, { enabled: false, expiresAt: NOW - 1 })],
      expired: [aToken(workspace.id, api.id, { expiresAt: NOW }), aToken(workspace.id, api.id, { expiresAt: 1 })],
      revoked: [aToken(workspace.id, api.id, { revokedAt: NOW, enabled: false, expiresAt: 1 })],
      not_yet_valid: [aToken(workspace.id, api.id, { notBefore: NOW + 1, expiresAt: NOW + 2 })],
    };
    await one.write(async (tx) => {
      for (const token of Object.values(made).flat()) await tx.insertToken(token, aSecret(token.id));
    });
    for (const [status, tokens] of Object.entries(made)) {
      const filter = { now: NOW, status: status as TokenFilter['status'] };
      const found = await one.tokens(workspace.id, filter, { limit: 100, before: undefined });
      expect(found.map(({ token }) => token)).toEqual(tokens.toSorted((a, b) => (a.id < b.id ? 1 : -1)));
    }
  });

  test('tokens by owner, api, and by what a person may know of them', async () => {
    const { one } = stores();
    const { workspace, api } = await aTenant(one);
    const [otherApi, owner] = [anApi(workspace.id), anOwner(workspace.id)];
    const digest = new Uint8Array(32).fill(7);
    const named = aToken(workspace.id, api.id, { name: 'Ünder_100% \\ Ähre', owner: owner.id });
    const plain = aToken(workspace.id, otherApi.id, { name: 'under 100x' });
    await one.write(async (tx) => {
      await tx.insertApi(otherApi);
      await tx.insertOwner(owner);
      await tx.insertToken(
        named,
        aSecret(named.id, { digest, fingerprint: fingerprint(digest), hint: 'tsr_live_…AbC9' }),
      );
      await tx.insertToken(plain, aSecret(plain.id));
    });
    const find = async (filter: Omit<TokenFilter, 'now'>) => {
      const found = await one.tokens(workspace.id, { now: NOW, ...filter }, { limit: 100, before: undefined });
      return found.map(({ token }) => token.id);
    };
    expect(await find({ owner: owner.id })).toEqual([named.id]);
    expect(await find({ api: otherApi.id })).toEqual([plain.id]);
    expect(await find({ owner: owner.id, api: otherApi.id })).toEqual([]);
    expect(await find({ q: 'NDER' })).toEqual(newestFirst([named.id, plain.id]));
    // Letter case beyond ASCII, and the characters that a pattern would take for its own.
    expect(await find({ q: 'ÄHRE' })).toEqual([named.id]);
    expect(await find({ q: '100%' })).toEqual([named.id]);
    expect(await find({ q: 'r_1' })).toEqual([named.id]);
    expect(await find({ q: '\\' })).toEqual([named.id]);
    expect(await find({ q: plain.id })).toEqual([plain.id]);
    expect(await find({ q: fingerprint(digest) })).toEqual([named.id]);
    expect(await find({ q: fingerprint(digest.fill(8)) })).toEqual([]);
    expect(await find({ q: 'AbC9' })).toEqual([named.id]);
    expect(await find({ q: 'abc9' })).toEqual([]);
    expect(await find({ q: "'; drop table tokens; --" })).toEqual([]);
  });

  test('a filter never reaches into another workspace', async () => {
    const { one } = stores();
    const { workspace } = await aTenant(one);
    const other = await aTenant(one);
    const [token, secret] = await one.write((tx) => mint(tx, other));
    const last = secret.hint.slice(-4);
    for (const filter of [{ api: other.api.id }, { q: token.id }, { q: last }, { q: token.name }, {}]) {
      const page = { limit: 100, before: undefined };
      expect(await one.tokens(workspace.id, { now: NOW, ...filter }, page)).toEqual([]);
    }
  });

  test('owners by type, name and id', async () => {
    const { one } = stores();
    const { workspace } = await aTenant(one);
    const user = anOwner(workspace.id, { type: 'user', name: 'Ada Ö' });
    const service = anOwner(workspace.id, { name: 'billing' });
    const gone = anOwner(workspace.id, { name: 'Ada', deletedAt: NOW });
    await one.write(async (tx) => {
      for (const owner of [user, service, gone]) await tx.insertOwner(owner);
    });
    const find = (filter: { type?: string; q?: string }) =>
      one.owners(workspace.id, filter, { limit: 100, before: undefined });
    expect(await find({ type: 'user' })).toEqual([user]);
    expect(await find({ q: 'ADA ö' })).toEqual([user]);
    expect(await find({ q: service.id })).toEqual([service]);
    expect(await find({ type: 'user', q: 'billing' })).toEqual([]);
  });
}
