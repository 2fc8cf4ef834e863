/** What owners, roles, apis and workspaces give, nobody gives to themselves; and nobody without admin locks out who has it. */
import { describe, expect, test } from 'vitest';
import { apiById, createApi, deleteApi, updateApi } from '../../src/core/apis.ts';
import type { Call } from '../../src/core/call.ts';
import { createOwner, deleteOwner, ownerById, updateOwner } from '../../src/core/owners.ts';
import { createRole, deleteRole, roleById, updateRole } from '../../src/core/roles.ts';
import { tokenOf } from '../../src/core/tokens/change.ts';
import { mint } from '../../src/core/tokens/mint.ts';
import { createWorkspace, deleteWorkspace, updateWorkspace, workspaceOf } from '../../src/core/workspaces.ts';
import { aPlatform, minter, NOW, type Platform, refusalOf } from './support/platform.ts';

const WRITES = ['owners:write', 'roles:write', 'apis:write', 'workspaces:write', 'tokens:write'];

async function withOwner(platform: Platform, roles: readonly string[] = []) {
  return platform.as(platform.root, (tx, by) => createOwner(tx, by, { type: 'user', name: 'Ana', roles: [...roles] }));
}

describe('owners', () => {
  test('roles are given and taken by admin alone; naming the same ones gives nothing', async () => {
    const platform = await aPlatform();
    const { as, root } = platform;
    const role = await as(root, (tx, by) => createRole(tx, by, { name: 'ops', scopes: [] }));
    const owner = await withOwner(platform, [role.id]);
    const caller = await platform.manager(WRITES, { owner: owner.id });
    const update = (call: Call, roles: string[]) =>
      as(call, (tx, by) => updateOwner(tx, by, { id: owner.id, input: { roles } }));
    expect(await refusalOf(update(caller, []))).toBe('forbidden: only admin gives or takes roles');
    expect(
      await refusalOf(as(caller, (tx, by) => createOwner(tx, by, { type: 'user', name: 'x', roles: [role.id] }))),
    ).toBe('forbidden: only admin gives or takes roles');
    expect((await update(caller, [role.id])).roles).toEqual([role.id]);
    expect(await refusalOf(update(root, ['role_none']))).toContain('no such role');
  });

  test('who has management tokens is disabled, enabled and deleted by admin alone', async () => {
    const platform = await aPlatform();
    const { as } = platform;
    const owner = await withOwner(platform);
    const admin = await platform.manager(['admin'], { owner: owner.id });
    const caller = await platform.manager(WRITES);
    const disable = (call: Call) =>
      as(call, (tx, by) => updateOwner(tx, by, { id: owner.id, input: { enabled: false } }));
    const remove = (call: Call) => as(call, (tx, by) => deleteOwner(tx, by, owner.id));
    const words = 'forbidden: only admin disables, enables or deletes an owner that has management tokens';
    expect(await refusalOf(disable(caller))).toBe(words);
    expect(await refusalOf(remove(caller))).toBe(words);
    expect((await disable(platform.root)).enabled).toBe(false);
    const enable = as(caller, (tx, by) => updateOwner(tx, by, { id: owner.id, input: { enabled: true } }));
    expect(await refusalOf(enable)).toBe(words);
    await remove(platform.root);
    expect((await tokenOf(platform.store, platform.root, admin.minted.token.id)).token.revokedAt).toBe(NOW);
  });

  test('who has none is ended with owners:write, and the tokens with the owner', async () => {
    const platform = await aPlatform();
    const { as, root, store } = platform;
    const owner = await withOwner(platform);
    const { token } = await as(root, (tx, by) => mint(tx, by, { name: 'k', scopes: [], owner: owner.id }, minter));
    const caller = await platform.manager(WRITES);
    await as(caller, (tx, by) => deleteOwner(tx, by, owner.id));
    expect((await tokenOf(store, root, token.id)).token).toMatchObject({
      revokedAt: NOW,
      revokedReason: 'owner deleted',
    });
    expect(await refusalOf(ownerById(store, root, owner.id))).toBe('not_found: no such owner');
    const changes = await store.changes({ workspace: platform.workspace, since: 0, limit: 100 });
    expect(changes.slice(-2).map(({ kind }) => kind)).toEqual(['token.revoked', 'owner.deleted']);
  });
});

describe('roles', () => {
  test('the one that one’s own owner has is changed by admin alone', async () => {
    const platform = await aPlatform();
    const { as, root } = platform;
    const role = await as(root, (tx, by) => createRole(tx, by, { name: 'ops', scopes: ['a'] }));
    const owner = await withOwner(platform, [role.id]);
    const caller = await platform.manager(WRITES, { owner: owner.id });
    const words = 'forbidden: only admin changes a role that its own owner has';
    // Routes ask for roles by name: a name is authority, too.
    for (const input of [{ scopes: ['a', 'b'] }, { ip: {} }, { name: 'administrators' }])
      expect(await refusalOf(as(caller, (tx, by) => updateRole(tx, by, { id: role.id, input })))).toBe(words);
    expect(await refusalOf(as(caller, (tx, by) => deleteRole(tx, by, role.id)))).toBe(
      'forbidden: only admin deletes a role that an owner has',
    );
    const same = await as(caller, (tx, by) => updateRole(tx, by, { id: role.id, input: { name: 'ops' } }));
    expect(same.name).toBe('ops');
    const renamed = await as(root, (tx, by) => updateRole(tx, by, { id: role.id, input: { name: 'operators' } }));
    expect(renamed.name).toBe('operators');
    expect(await refusalOf(as(caller, (tx, by) => createRole(tx, by, { name: 'operators', scopes: [] })))).toContain(
      'conflict: a role with this name exists',
    );
  });
});

describe('apis', () => {
  test('the management api is changed by admin alone, its scopes by nobody', async () => {
    const platform = await aPlatform();
    const { as, root, management, usual } = platform;
    const caller = await platform.manager(WRITES);
    const change = (call: Call, id: string, input: object) => as(call, (tx, by) => updateApi(tx, by, { id, input }));
    const lives = { defaultExpirySeconds: 1 };
    expect(await refusalOf(change(caller, management.id, lives))).toBe(
      'forbidden: only admin changes the api of the management tokens',
    );
    expect((await change(root, management.id, lives)).defaultExpirySeconds).toBe(1);
    expect(await refusalOf(change(root, management.id, { scopes: 'any' }))).toContain('are fixed');
    expect((await change(caller, usual.id, lives)).defaultExpirySeconds).toBe(1);
    for (const { id } of [management, usual])
      expect(await refusalOf(as(root, (tx, by) => deleteApi(tx, by, id)))).toContain('cannot be deleted');
  });

  test('none takes the name of another: not its audience, not what looks like its id', async () => {
    const { as, root, management } = await aPlatform();
    const create = (audience: string) =>
      as(root, (tx, by) => createApi(tx, by, { name: 'x', audience, prefix: 'abc' }));
    expect(await refusalOf(create('tessera'))).toContain('conflict');
    expect(await refusalOf(create('default'))).toContain('conflict');
    expect(await refusalOf(create(management.id))).toContain('must not look like an id');
  });

  test('one that has tokens stays', async () => {
    const { as, root } = await aPlatform();
    const api = await as(root, (tx, by) =>
      createApi(tx, by, { name: 'x', audience: 'x', prefix: 'abc', scopes: 'any' }),
    );
    await as(root, (tx, by) => mint(tx, by, { name: 'k', api: 'x', scopes: [] }, minter));
    expect(await refusalOf(as(root, (tx, by) => deleteApi(tx, by, api.id)))).toBe('conflict: the api has tokens');
  });
});

describe('workspaces', () => {
  test('nothing of one is found from another, by any id', async () => {
    const platform = await aPlatform();
    const { as, root, store } = platform;
    const owner = await withOwner(platform);
    const role = await as(root, (tx, by) => createRole(tx, by, { name: 'ops', scopes: [] }));
    const { token } = await as(root, (tx, by) => mint(tx, by, { name: 'k', scopes: [] }, minter));
    const other = await as(root, (tx, by) => createWorkspace(tx, by, 'other'));
    const there: Call = { ...root, workspace: other.id };
    for (const find of [
      tokenOf(store, there, token.id),
      ownerById(store, there, owner.id),
      roleById(store, there, role.id),
      apiById(store, there, platform.usual.id),
    ])
      expect(await refusalOf(find)).toMatch(/^not_found: no such /);
    const minting = (input: object) => as(there, (tx, by) => mint(tx, by, { name: 'k', scopes: [], ...input }, minter));
    expect(await refusalOf(minting({ owner: owner.id }))).toContain('no such owner');
    expect(await refusalOf(minting({ api: platform.usual.id }))).toContain('no such api');
  });

  test('the log of a new one begins with its creation', async () => {
    const { as, root, store } = await aPlatform();
    const { id } = await as(root, (tx, by) => createWorkspace(tx, by, 'other'));
    const records = await store.audit(id, { after: 0, limit: 10 });
    expect(records).toMatchObject([{ seq: 1, action: 'workspace.create', actor: { token: root.actor.token } }]);
  });

  test('root alone sees others, suspends and deletes; the default one stays', async () => {
    const platform = await aPlatform();
    const { as, root, store, workspace } = platform;
    const other = await as(root, (tx, by) => createWorkspace(tx, by, 'other'));
    const admin = await platform.manager(['admin']);
    expect(await refusalOf(workspaceOf(store, admin, other.id))).toBe('not_found: no such workspace');
    const suspend = (call: Call, id: string) =>
      as(call, (tx, by) => updateWorkspace(tx, by, { id, input: { enabled: false } }));
    expect(await refusalOf(suspend(admin, other.id))).toBe('not_found: no such workspace');
    expect(await refusalOf(suspend(admin, workspace))).toContain('forbidden: only the root token suspends');
    expect(await refusalOf(suspend(root, workspace))).toContain('conflict: the default workspace');
    expect(await refusalOf(as(root, (tx, by) => deleteWorkspace(tx, by, workspace)))).toContain('conflict');
    expect((await suspend(root, other.id)).enabled).toBe(false);
    await as(root, (tx, by) => deleteWorkspace(tx, by, other.id));
    expect(await refusalOf(workspaceOf(store, root, other.id))).toBe('not_found: no such workspace');
  });
});

test('a stale If-Match changes nothing', async () => {
  const platform = await aPlatform();
  const owner = await withOwner(platform);
  const stale: Call = { ...platform.root, ifMatch: [2, 3] };
  const update = (call: Call) =>
    platform.as(call, (tx, by) => updateOwner(tx, by, { id: owner.id, input: { name: 'new' } }));
  expect(await refusalOf(update(stale))).toContain('precondition_failed');
  expect(await refusalOf(update({ ...stale, ifMatch: [] }))).toContain('precondition_failed');
  expect((await update({ ...stale, ifMatch: [7, 1] })).version).toBe(2);
});
