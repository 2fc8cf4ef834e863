/** Issuers and what is revoked of their tokens are read back exactly, in their own workspace only; an owner is found by its metadata. */
import { expect, test } from 'vitest';
import { newId } from '../../../src/core/ids.ts';
import type { ForeignRevocation, Issuer } from '../../../src/core/issuers/issuer.ts';
import type { Stores } from '../contract.ts';
import { AWKWARD, anOwner, aTenant, NOW } from '../support/fixtures.ts';

const anIssuer = (workspace: string, api: string, over: Partial<Issuer> = {}): Issuer => ({
  id: newId('iss'),
  workspace,
  api,
  name: AWKWARD,
  issuer: 'https://issuer.test',
  method: { introspection: { url: 'https://x.test', clientId: AWKWARD, authentication: 'post', prefix: '' } },
  sealed: Uint8Array.of(0, 255, 7),
  rules: {
    audience: null,
    algorithms: ['ES256'],
    tokenTypes: ['absent'],
    requiredClaims: { a: [AWKWARD, 1, true] },
    scopes: [{ claim: 'scp', map: { [AWKWARD]: ['a'] } }],
    owner: { claim: '/a~1b', metadata: 'k' },
    maxLifetimeSeconds: 1,
  },
  enabled: false,
  createdAt: NOW,
  updatedAt: NOW,
  version: 1,
  ...over,
});

export function issuers(stores: () => Stores): void {
  test('an issuer, its edit and its end, in its own workspace only', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const other = await aTenant(one);
    const issuer = anIssuer(workspace.id, api.id);
    // Ids of one millisecond are in no order.
    const second = anIssuer(workspace.id, api.id, { id: `${issuer.id}0` });
    await one.write(async (tx) => {
      await tx.insertIssuer(issuer);
      await tx.insertIssuer(second);
    });
    expect(await two.issuer(workspace.id, issuer.id)).toEqual(issuer);
    expect(await two.issuer(other.workspace.id, issuer.id)).toBeUndefined();
    expect(await two.issuers(workspace.id, { limit: 10, before: undefined })).toEqual([second, issuer]);
    expect(await two.issuers(workspace.id, { limit: 10, before: second.id })).toEqual([issuer]);
    expect(await two.issuers(other.workspace.id, { limit: 10, before: undefined })).toEqual([]);
    const edited: Issuer = {
      ...issuer,
      name: 'x',
      method: { discovery: true },
      sealed: null,
      enabled: true,
      version: 2,
    };
    await one.write((tx) => tx.updateIssuer(edited));
    expect(await two.issuer(workspace.id, issuer.id)).toEqual(edited);
    await one.write((tx) => tx.deleteIssuer(other.workspace.id, issuer.id));
    expect(await two.issuer(workspace.id, issuer.id)).toEqual(edited);
    await one.write((tx) => tx.deleteIssuer(workspace.id, issuer.id));
    expect(await two.issuer(workspace.id, issuer.id)).toBeUndefined();
    await expect(one.write((tx) => tx.updateIssuer(edited))).rejects.toThrow('the store has no such issuer');
    await expect(one.write((tx) => tx.deleteApi(workspace.id, api.id))).rejects.toThrow(/foreign key/i);
  });

  test('what is revoked is found by jti, by sub and for all, and by nothing else; until it is over', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const other = await aTenant(one);
    const issuer = 'https://issuer.test';
    const of = (id: string, over: Partial<ForeignRevocation>): ForeignRevocation => ({
      id: `${workspace.id}-${id}`,
      workspace: workspace.id,
      issuer,
      jti: null,
      sub: null,
      issuedBefore: NOW,
      at: NOW,
      until: NOW + 10,
      ...over,
    });
    const byJti = of('jti', { jti: AWKWARD, issuedBefore: null });
    const bySub = of('sub', { sub: AWKWARD });
    const all = of('all', { until: NOW + 20 });
    const elsewhere = of('elsewhere', { issuer: 'https://another.test' });
    await one.write(async (tx) => {
      for (const one of [byJti, bySub, all, elsewhere]) await tx.putForeignRevocation(one);
    });
    const found = async (jti: string | undefined, sub: string, tenant = workspace.id) =>
      (await two.foreignRevocations(tenant, { issuer, jti, sub })).map(({ id }) => id.split('-')[1]).sort();
    expect(await found(AWKWARD, AWKWARD)).toEqual(['all', 'jti', 'sub']);
    expect(await found(undefined, AWKWARD)).toEqual(['all', 'sub']);
    expect(await found(AWKWARD, '')).toEqual(['all', 'jti']);
    expect(await found('x', 'x')).toEqual(['all']);
    expect(await found(AWKWARD, AWKWARD, other.workspace.id)).toEqual([]);
    expect(await two.foreignRevocation(workspace.id, bySub.id)).toEqual(bySub);
    expect(await two.foreignRevocation(other.workspace.id, bySub.id)).toBeUndefined();
    const later = { ...bySub, issuedBefore: NOW + 5, at: NOW + 5, until: NOW + 30 };
    await one.write((tx) => tx.putForeignRevocation(later));
    expect(await two.foreignRevocation(workspace.id, bySub.id)).toEqual(later);
    await one.write((tx) => tx.dropForeignRevocationsBefore(NOW + 20));
    expect(await found(AWKWARD, AWKWARD)).toEqual(['all', 'sub']);
  });

  test('an owner by a value of its metadata, letter by letter', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const other = await aTenant(one);
    const first = anOwner(workspace.id, { metadata: { repo: AWKWARD, a: '%' } });
    const second = anOwner(workspace.id, { metadata: { b: `"repo":"x"`, repo: 'Acme' } });
    await one.write(async (tx) => {
      await tx.insertOwner(first);
      await tx.insertOwner(second);
      await tx.insertOwner(anOwner(other.workspace.id, { metadata: { repo: AWKWARD } }));
    });
    const found = async (key: string, value: string) =>
      (await two.ownersByMetadata(workspace.id, key, value)).map(({ id }) => id);
    expect(await found('repo', AWKWARD)).toEqual([first.id]);
    expect(await found('a', '%')).toEqual([first.id]);
    expect(await found('repo', 'Acme')).toEqual([second.id]);
    for (const value of ['acme', 'Acm', 'Acme%', '%', '', 'x']) expect(await found('repo', value)).toEqual([]);
    expect(await found('Repo', 'Acme')).toEqual([]);
    const three = [1, 2, 3].map(() => anOwner(workspace.id, { metadata: { repo: 'Acme' } }));
    await one.write(async (tx) => {
      for (const owner of three) await tx.insertOwner(owner);
    });
    expect(await found('repo', 'Acme')).toHaveLength(2);
    await one.write(async (tx) => {
      for (const owner of three) await tx.updateOwner({ ...owner, deletedAt: NOW });
    });
    expect(await found('repo', 'Acme')).toEqual([second.id]);
  });
}
