/** A digest finds its secret with all that a verdict needs, whatever state things are in. */
import { digestKeyOf } from '@tessera/verify';
import { expect, test } from 'vitest';
import type { SecretState } from '../../../src/core/model.ts';
import type { Stores } from '../contract.ts';
import {
  AWKWARD,
  anApi,
  anOwner,
  aRole,
  aSecret,
  aTenant,
  aToken,
  aWorkspace,
  mint,
  NOW,
} from '../support/fixtures.ts';

export function lookUp(stores: () => Stores): void {
  test('nobody has an unknown digest', async () => {
    expect(await stores().one.find(digestKeyOf(new Uint8Array(32)))).toBeUndefined();
    expect(await stores().one.find(digestKeyOf(new Uint8Array()))).toBeUndefined();
  });

  test('the whole context, exactly', async () => {
    const { one, two } = stores();
    const workspace = aWorkspace({ name: AWKWARD });
    const api = anApi(workspace.id, { scopes: { 'orders:read': AWKWARD }, defaultExpirySeconds: 5 });
    const roles = [
      aRole(workspace.id, { scopes: ['a', 'b'], ip: { allow: ['10.0.0.0/8'] } }),
      aRole(workspace.id, { name: AWKWARD, scopes: [] }),
    ].toReversed();
    const owner = anOwner(workspace.id, {
      roles: roles.map(({ id }) => id),
      quota: { limit: 1, period: 'day' },
      metadata: { name: AWKWARD },
    });
    const token = aToken(workspace.id, api.id, { owner: owner.id, name: AWKWARD, limits: [{ limit: 1, window: 2 }] });
    const secret = aSecret(token.id, { digest: Uint8Array.from({ length: 32 }, (_, index) => index * 8) });
    await one.write(async (tx) => {
      await tx.insertWorkspace(workspace);
      await tx.insertApi(api);
      for (const role of roles) await tx.insertRole(role);
      await tx.insertOwner(owner);
      await tx.insertToken(token, secret);
    });
    expect(await two.find(digestKeyOf(secret.digest))).toEqual({
      secret,
      token,
      api,
      workspace,
      owner,
      roles,
      ancestors: [],
    });
  });

  test('a token without an owner, and an owner without roles', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    const [token, secret] = await one.write((tx) => mint(tx, tenant));
    expect(await one.find(digestKeyOf(secret.digest))).toEqual({
      secret,
      token,
      ...tenant,
      owner: null,
      roles: [],
      ancestors: [],
    });
    const owner = anOwner(tenant.workspace.id);
    await one.write(async (tx) => {
      await tx.insertOwner(owner);
      await tx.updateToken({ ...token, owner: owner.id });
    });
    expect(await one.find(digestKeyOf(secret.digest))).toMatchObject({ owner, roles: [] });
  });

  test('secrets in each state, a token that is revoked and expired, an owner and a workspace that are deleted', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const owner = anOwner(workspace.id, { deletedAt: NOW, enabled: false });
    const token = aToken(workspace.id, api.id, { owner: owner.id, revokedAt: NOW, expiresAt: 1, enabled: false });
    const states: readonly SecretState[] = ['active', 'pending', 'retiring', 'retired'];
    const [first, ...others] = states.map((state) => aSecret(token.id, { state, validUntil: NOW, graceSeconds: 1 }));
    await one.write(async (tx) => {
      await tx.insertOwner(owner);
      if (first !== undefined) await tx.insertToken(token, first);
      for (const secret of others) await tx.insertSecret(secret);
      await tx.updateWorkspace({ ...workspace, deletedAt: NOW });
    });
    for (const secret of [first, ...others]) {
      const found = await two.find(digestKeyOf(secret?.digest ?? new Uint8Array()));
      expect(found).toMatchObject({ secret, token, owner, workspace: { id: workspace.id, deletedAt: NOW } });
    }
  });

  test('a revocation is seen by every store as soon as it is acknowledged', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    const [token, secret] = await one.write((tx) => mint(tx, tenant));
    expect((await two.find(digestKeyOf(secret.digest)))?.token.revokedAt).toBeNull();
    await one.write((tx) => tx.updateToken({ ...token, revokedAt: NOW, revokedReason: 'leaked' }));
    expect((await two.find(digestKeyOf(secret.digest)))?.token.revokedAt).toBe(NOW);
  });
}
