/** What is written is read back exactly, through every method. */
import { expect, test } from 'vitest';
import type { Stores } from '../contract.ts';
import { AWKWARD, anApi, anOwner, aRole, aSecret, aTenant, aToken, aWorkspace, NOW } from '../support/fixtures.ts';

export function roundTrips(stores: () => Stores): void {
  test('a workspace, its edit, and its deletion', async () => {
    const { one, two } = stores();
    const workspace = aWorkspace({ name: AWKWARD });
    await one.write((tx) => tx.insertWorkspace(workspace));
    expect(await two.workspace(workspace.id)).toEqual(workspace);
    const edited = { ...workspace, name: '', enabled: false, updatedAt: NOW + 1, version: 2 };
    await one.write((tx) => tx.updateWorkspace(edited));
    expect(await two.workspace(workspace.id)).toEqual(edited);
    await one.write((tx) => tx.updateWorkspace({ ...edited, deletedAt: NOW }));
    expect(await two.workspace(workspace.id)).toBeUndefined();
    expect(await two.workspaces({ limit: 100, before: undefined })).not.toContainEqual(
      expect.objectContaining({ id: workspace.id }),
    );
  });

  test('an api, by id and by audience, in its own workspace only', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const other = await aTenant(one);
    const api = anApi(workspace.id, {
      name: AWKWARD,
      audience: 'urn:ünïcode',
      scopes: { 'orders:read': AWKWARD, 'orders:write': '' },
      defaultExpirySeconds: 7_776_000,
      maximumExpirySeconds: Number.MAX_SAFE_INTEGER,
      builtIn: true,
    });
    await one.write((tx) => tx.insertApi(api));
    expect(await two.api(workspace.id, api.id)).toEqual(api);
    expect(await two.apiByAudience(workspace.id, 'urn:ünïcode')).toEqual(api);
    expect(await two.api(other.workspace.id, api.id)).toBeUndefined();
    expect(await two.apiByAudience(other.workspace.id, 'urn:ünïcode')).toBeUndefined();
    const edited = { ...api, scopes: 'any' as const, defaultExpirySeconds: null, builtIn: false, version: 2 };
    await one.write((tx) => tx.updateApi(edited));
    expect(await two.api(workspace.id, api.id)).toEqual(edited);
    expect(await two.apiInUse(workspace.id, api.id)).toBe(false);
    await one.write((tx) => tx.deleteApi(other.workspace.id, api.id));
    expect(await two.api(workspace.id, api.id)).toEqual(edited);
    await one.write((tx) => tx.deleteApi(workspace.id, api.id));
    expect(await two.api(workspace.id, api.id)).toBeUndefined();
  });

  test('an api that has a token cannot be deleted', async () => {
    const { one } = stores();
    const { workspace, api } = await aTenant(one);
    const token = aToken(workspace.id, api.id);
    await one.write((tx) => tx.insertToken(token, aSecret(token.id)));
    expect(await one.apiInUse(workspace.id, api.id)).toBe(true);
    await expect(one.write((tx) => tx.deleteApi(workspace.id, api.id))).rejects.toThrow(/foreign key/i);
    expect(await one.api(workspace.id, api.id)).toEqual(api);
  });

  test('two apis of one workspace never share an audience; those of two workspaces may', async () => {
    const { one } = stores();
    const { workspace } = await aTenant(one);
    const other = await aTenant(one);
    await one.write((tx) => tx.insertApi(anApi(workspace.id, { audience: 'same' })));
    await one.write((tx) => tx.insertApi(anApi(other.workspace.id, { audience: 'same' })));
    await expect(one.write((tx) => tx.insertApi(anApi(workspace.id, { audience: 'same' })))).rejects.toThrow(/unique/i);
  });

  test('a role, by id, by name and by ids', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const role = aRole(workspace.id, {
      name: AWKWARD,
      scopes: ['b:read', 'a:read'],
      ip: { allow: ['10.0.0.0/8'], deny: [] },
    });
    const second = aRole(workspace.id, { scopes: [] });
    await one.write(async (tx) => {
      await tx.insertRole(role);
      await tx.insertRole(second);
    });
    expect(await two.role(workspace.id, role.id)).toEqual(role);
    expect(await two.roleByName(workspace.id, AWKWARD)).toEqual(role);
    const some = await two.rolesByIds(workspace.id, [role.id, second.id, 'role_unknown']);
    expect(some).toHaveLength(2);
    expect(some).toEqual(expect.arrayContaining([role, second]));
    expect(await two.rolesByIds(workspace.id, [])).toEqual([]);
    const edited = { ...role, name: 'plain', scopes: [], ip: {}, version: 2 };
    await one.write((tx) => tx.updateRole(edited));
    expect(await two.role(workspace.id, role.id)).toEqual(edited);
    expect(await two.roleByName(workspace.id, AWKWARD)).toBeUndefined();
  });

  test('an owner with its roles in their order; a deleted role is taken from it', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const [first, second] = [aRole(workspace.id), aRole(workspace.id)];
    const owner = anOwner(workspace.id, {
      type: 'customer',
      name: AWKWARD,
      roles: [second.id, first.id],
      quota: { limit: 10_000, period: 'month' },
      metadata: { plan: AWKWARD, '': '' },
    });
    await one.write(async (tx) => {
      await tx.insertRole(first);
      await tx.insertRole(second);
      await tx.insertOwner(owner);
    });
    expect(await two.owner(workspace.id, owner.id)).toEqual(owner);
    expect(await two.ownersWithRole(workspace.id, first.id)).toEqual([owner.id]);
    await one.write((tx) => tx.deleteRole(workspace.id, second.id));
    expect(await two.role(workspace.id, second.id)).toBeUndefined();
    expect(await two.owner(workspace.id, owner.id)).toEqual({ ...owner, roles: [first.id] });
    const edited = { ...owner, roles: [], quota: null, metadata: {}, enabled: false, version: 2 };
    await one.write((tx) => tx.updateOwner(edited));
    expect(await two.owner(workspace.id, owner.id)).toEqual(edited);
    await one.write((tx) => tx.updateOwner({ ...edited, roles: [first.id], deletedAt: NOW }));
    expect(await two.owner(workspace.id, owner.id)).toBeUndefined();
    expect(await two.ownersWithRole(workspace.id, first.id)).toEqual([]);
  });

  test('a token with everything, and one with nothing', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const owner = anOwner(workspace.id);
    const full = aToken(workspace.id, api.id, {
      kind: 'personal_access_token',
      name: AWKWARD,
      owner: owner.id,
      environment: 'test',
      scopes: ['z', 'a', 'm'],
      limits: [{ name: 'burst', limit: 10, window: 60, burst: 20, cost: 2, mode: 'approximate' }],
      quota: { limit: 5, period: 'day', mode: 'shadow', onFault: 'local' },
      credits: { refill: { amount: 9, period: 'month' } },
      ip: { allow: [], deny: ['2001:db8::/32'] },
      metadata: { a: '1' },
      boundKey: 'thumbprint',
      enabled: false,
      createdBy: 'tok_other',
      notBefore: NOW - 1,
      expiresAt: NOW + 1,
      revokedAt: NOW,
      revokedReason: AWKWARD,
      lastUsedAt: NOW - 2,
    });
    const bare = aToken(workspace.id, api.id, { name: '' });
    const digest = new Uint8Array(64).fill(200);
    const secret = aSecret(full.id, { algorithm: 'sha512', digest, fingerprint: 'f', lastUsedAt: full.lastUsedAt });
    const other = aSecret(bare.id);
    await one.write(async (tx) => {
      await tx.insertOwner(owner);
      await tx.insertToken(full, secret);
      await tx.insertToken(bare, other);
    });
    expect(await two.token(workspace.id, full.id)).toEqual({ token: full, secrets: [secret] });
    expect(await two.token(workspace.id, bare.id)).toEqual({ token: bare, secrets: [other] });
    expect(await two.token((await aTenant(one)).workspace.id, full.id)).toBeUndefined();
    const edited = { ...full, scopes: [], limits: [], owner: null, revokedAt: null, revokedReason: null, version: 9 };
    await one.write((tx) => tx.updateToken(edited));
    expect(await two.token(workspace.id, full.id)).toEqual({ token: edited, secrets: [secret] });
  });

  test('the secrets of a token, newest first, also when they are of one moment', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const token = aToken(workspace.id, api.id);
    const [first, second, third] = [aSecret(token.id), aSecret(token.id), aSecret(token.id)];
    await one.write(async (tx) => {
      await tx.insertToken(token, first);
      await tx.insertSecret(second);
      await tx.insertSecret(third);
    });
    expect((await two.token(workspace.id, token.id))?.secrets).toEqual([third, second, first]);
    const retiring = { ...first, state: 'retiring' as const, validUntil: NOW + 5, graceSeconds: 60 };
    await one.write((tx) => tx.updateSecret(retiring));
    expect((await two.token(workspace.id, token.id))?.secrets).toEqual([third, second, retiring]);
  });

  test('revoking all of a workspace, or of an owner, answers the ids and spares what is revoked already', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    const { workspace, api } = tenant;
    const owner = anOwner(workspace.id);
    const [owned, free] = [aToken(workspace.id, api.id, { owner: owner.id }), aToken(workspace.id, api.id)];
    const earlier = aToken(workspace.id, api.id, { owner: owner.id, revokedAt: NOW - 9, revokedReason: 'earlier' });
    await one.write(async (tx) => {
      await tx.insertOwner(owner);
      for (const token of [owned, free, earlier]) await tx.insertToken(token, aSecret(token.id));
    });
    const ofOwner = { workspace: workspace.id, owner: owner.id };
    expect(await one.write((tx) => tx.revokeTokens(ofOwner, NOW, 'left'))).toEqual([owned.id]);
    expect(await one.write((tx) => tx.revokeTokens({ workspace: workspace.id }, NOW + 1, 'closed'))).toEqual([free.id]);
    const read = async (id: string) => (await two.token(workspace.id, id))?.token;
    expect(await read(owned.id)).toEqual({
      ...owned,
      revokedAt: NOW,
      revokedReason: 'left',
      updatedAt: NOW,
      version: 2,
    });
    expect(await read(free.id)).toMatchObject({ revokedAt: NOW + 1, revokedReason: 'closed' });
    expect(await read(earlier.id)).toEqual(earlier);
  });

  test('an edit of what does not exist, or is of another workspace, throws', async () => {
    const { one } = stores();
    const { workspace, api } = await aTenant(one);
    const other = await aTenant(one);
    const missing = /the store has no such/;
    await expect(one.write((tx) => tx.updateWorkspace(aWorkspace()))).rejects.toThrow(missing);
    await expect(one.write((tx) => tx.updateApi({ ...api, workspace: other.workspace.id }))).rejects.toThrow(missing);
    await expect(one.write((tx) => tx.updateRole(aRole(workspace.id)))).rejects.toThrow(missing);
    await expect(one.write((tx) => tx.updateOwner(anOwner(workspace.id)))).rejects.toThrow(missing);
    await expect(one.write((tx) => tx.updateToken(aToken(workspace.id, api.id)))).rejects.toThrow(missing);
    await expect(one.write((tx) => tx.updateSecret(aSecret('tok_unknown')))).rejects.toThrow(missing);
  });

  test('the database itself lets no token name an api or an owner of another workspace', async () => {
    const { one } = stores();
    const { workspace, api } = await aTenant(one);
    const other = await aTenant(one);
    const foreignOwner = anOwner(other.workspace.id);
    await one.write((tx) => tx.insertOwner(foreignOwner));
    for (const token of [
      aToken(workspace.id, other.api.id),
      aToken(workspace.id, api.id, { owner: foreignOwner.id }),
    ]) {
      await expect(one.write((tx) => tx.insertToken(token, aSecret(token.id)))).rejects.toThrow(/foreign key/i);
    }
    const foreignRole = aRole(other.workspace.id);
    await one.write((tx) => tx.insertRole(foreignRole));
    const owner = anOwner(workspace.id, { roles: [foreignRole.id] });
    await expect(one.write((tx) => tx.insertOwner(owner))).rejects.toThrow(/foreign key/i);
  });

  test('usage adds up, by token and hour, within one call and over several', async () => {
    const { one, two } = stores();
    const hour = 3_600_000;
    const count = (token: string, at: number, allowed: number, denied: number) => ({
      token,
      hour: at,
      allowed,
      denied,
    });
    await one.write((tx) =>
      tx.addUsage([count('tok_a', 0, 1, 2), count('tok_a', 0, 10, 20), count('tok_a', hour, 5, 0)]),
    );
    await one.write((tx) => tx.addUsage([count('tok_a', 0, 100, 200), count('tok_b', 0, 1, 1)]));
    await one.write((tx) => tx.addUsage([]));
    expect(await two.usage('tok_a', 0, 2 * hour)).toEqual([count('tok_a', 0, 111, 222), count('tok_a', hour, 5, 0)]);
    expect(await two.usage('tok_a', 0, hour)).toEqual([count('tok_a', 0, 111, 222)]);
    expect(await two.usage('tok_c', 0, hour)).toEqual([]);
    // However much is reported, a year of it can be read and added up.
    const most = 1_000_000_000_000;
    for (let reports = 0; reports < 3; reports += 1)
      await one.write((tx) => tx.addUsage([count('tok_d', 0, most, most - 1)]));
    expect(await two.usage('tok_d', 0, hour)).toEqual([count('tok_d', 0, most, most)]);
  });

  test('a last use is kept for token and secret, and never moves back', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const token = aToken(workspace.id, api.id);
    const [first, second] = [aSecret(token.id), aSecret(token.id)];
    await one.write(async (tx) => {
      await tx.insertToken(token, first);
      await tx.insertSecret(second);
    });
    const use = (secret: typeof first, at: number) => ({ token: token.id, digest: secret.digest, at });
    const last = async () => {
      const found = await two.token(workspace.id, token.id);
      return [found?.token.lastUsedAt, ...(found?.secrets ?? []).map((secret) => secret.lastUsedAt)];
    };
    await one.write((tx) => tx.touch([use(first, 500), use(second, 900), use(first, 700)]));
    expect(await last()).toEqual([900, 900, 700]);
    await one.write((tx) => tx.touch([use(first, 800), use(second, 100)]));
    expect(await last()).toEqual([900, 900, 800]);
    await one.write((tx) => tx.touch([]));
    await one.write((tx) => tx.updateToken({ ...token, name: 'edited' }));
    expect(await last()).toEqual([900, 900, 800]);
  });

  test('a quota is spent up to its limit, by period, and what is refused is not spent', async () => {
    const { one, two } = stores();
    const spend = (period: string, cost: number) =>
      one.write((tx) => tx.spendQuota('tok_q', period, { cost, limit: 10 }));
    expect(await two.quotaUsed('tok_q', '2026-11-22')).toBe(0);
    expect(await spend('2026-11-22', 11)).toEqual({ used: 0, allowed: false });
    expect(await spend('2026-11-22', 7)).toEqual({ used: 7, allowed: true });
    expect(await spend('2026-11-22', 4)).toEqual({ used: 7, allowed: false });
    expect(await spend('2026-11-22', 3)).toEqual({ used: 10, allowed: true });
    expect(await spend('2026-11-23', 1)).toEqual({ used: 1, allowed: true });
    expect(await two.quotaUsed('tok_q', '2026-11-22')).toBe(10);
    expect(await spend('2026-11-24', 1)).toEqual({ used: 1, allowed: true });
    expect(await two.quotaUsed('tok_q', '2026-11-23')).toBe(1);
    // Only the period before is kept.
    expect(await two.quotaUsed('tok_q', '2026-11-22')).toBe(0);
  });

  test('a remembered answer, its replacement, and its end', async () => {
    const { one, two } = stores();
    const record = {
      id: 'digest',
      requestHash: 'hash',
      status: 201,
      sealed: Uint8Array.of(0, 255, 0),
      createdAt: NOW,
    };
    await one.write((tx) => tx.putIdempotency(record));
    expect(await two.idempotency('digest')).toEqual(record);
    const replaced = { ...record, requestHash: 'other', sealed: new Uint8Array(), createdAt: NOW + 1 };
    await one.write((tx) => tx.putIdempotency(replaced));
    expect(await two.idempotency('digest')).toEqual(replaced);
    await one.write((tx) => tx.dropIdempotencyBefore(NOW + 1));
    expect(await two.idempotency('digest')).toEqual(replaced);
    await one.write((tx) => tx.dropIdempotencyBefore(NOW + 2));
    expect(await two.idempotency('digest')).toBeUndefined();
  });

  test('keys of a ring', async () => {
    const { one, two } = stores();
    const workspace = aWorkspace({ id: 'ws_ring' });
    const key = {
      id: 'key_1',
      workspace: workspace.id,
      alg: 'EdDSA',
      state: 'active',
      origin: 'imported',
      publicJwk: { kty: 'OKP', x: AWKWARD },
      sealed: Uint8Array.of(0, 255, 7),
      activatedAt: NOW,
      retiredAt: null,
      neededUntil: NOW + 5,
      createdAt: NOW,
      updatedAt: NOW,
      version: 1,
    } as const;
    await one.write(async (tx) => {
      await tx.insertWorkspace(workspace);
      await tx.insertKey(key);
      await tx.insertKey({ ...key, id: 'key_2', state: 'next', activatedAt: null, neededUntil: null });
    });
    expect(await two.key(workspace.id, 'key_1')).toEqual(key);
    expect(await two.key('ws_other', 'key_1')).toBeUndefined();
    const gone = { ...key, state: 'gone', publicJwk: null, sealed: null, retiredAt: NOW, version: 2 } as const;
    await one.write((tx) => tx.updateKey(gone));
    expect(await two.key(workspace.id, 'key_1')).toEqual(gone);
    expect((await two.liveKeys(workspace.id)).map(({ id }) => id)).toEqual(['key_2']);
    expect((await two.keyNamed('key_1'))?.id).toBe('key_1');
    expect(await two.keyNamed('key_none')).toBeUndefined();
    expect((await two.keys(workspace.id, { limit: 5, before: 'key_2' })).map(({ id }) => id)).toEqual(['key_1']);
    expect(await two.keys('ws_other', { limit: 5, before: undefined })).toEqual([]);
    await expect(one.write((tx) => tx.updateKey({ ...gone, workspace: 'ws_other' }))).rejects.toThrow('no such key');
  });

  test('data keys, by age', async () => {
    const { one, two } = stores();
    expect(await two.dataKeys()).toEqual([]);
    const key = (id: string, createdAt: number) => ({ id, by: AWKWARD, wrapped: Uint8Array.of(0, 255, 7), createdAt });
    await one.write(async (tx) => {
      await tx.putDataKey(key('dek_1', NOW + 1));
      await tx.putDataKey(key('dek_2', NOW));
      await tx.putDataKey(key('dek_0', NOW + 1));
    });
    expect((await two.dataKeys()).map(({ id }) => id)).toEqual(['dek_2', 'dek_0', 'dek_1']);
    const again = { ...key('dek_2', NOW + 2), by: 'another', wrapped: new Uint8Array() };
    await one.write((tx) => tx.putDataKey(again));
    expect((await two.dataKeys()).at(-1)).toEqual(again);
  });

  test('settings and imported prefixes', async () => {
    const { one, two } = stores();
    expect(await two.meta('key')).toBeUndefined();
    await one.write((tx) => tx.setMeta('key', 'first'));
    await one.write((tx) => tx.setMeta('key', AWKWARD));
    expect(await two.meta('key')).toBe(AWKWARD);
    expect(await two.importedPrefixes(undefined)).toEqual([]);
    const ofSha256 = { prefix: 'sk_', algorithm: 'sha256' } as const;
    const ofSha512 = { prefix: 'sk_', algorithm: 'sha512' } as const;
    await one.write(async (tx) => {
      await tx.insertWorkspace(aWorkspace({ id: 'ws_prefix_1' }));
      await tx.insertWorkspace(aWorkspace({ id: 'ws_prefix_2' }));
      await tx.addImportedPrefix('ws_prefix_1', ofSha256);
      await tx.addImportedPrefix('ws_prefix_1', ofSha512);
      await tx.addImportedPrefix('ws_prefix_1', ofSha256);
      await tx.addImportedPrefix('ws_prefix_2', ofSha256);
    });
    expect(await two.importedPrefixes(undefined)).toEqual([ofSha256, ofSha512]);
    expect(await two.importedPrefixes('ws_prefix_1')).toEqual([ofSha256, ofSha512]);
    expect(await two.importedPrefixes('ws_prefix_2')).toEqual([ofSha256]);
    expect(await two.importedPrefixes('ws_nobody')).toEqual([]);
  });
}
