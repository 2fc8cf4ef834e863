/** Owners: whom tokens stand for. Disabling one silences its tokens, deleting one revokes them. */

import type { Body } from '@tessera/contract';
import { type Call, checkVersion, difference, record } from './call.ts';
import { newId } from './ids.ts';
import type { Owner } from './model.ts';
import { invalid, notFound, Refusal } from './refusal.ts';
import { tellChange } from './signed/tell-change.ts';
import type { Reader, Tx } from './store-port.ts';
import { MANAGEMENT_AUDIENCE } from './tokens/facts.ts';

export async function ownerById(reader: Reader, call: Call, id: string): Promise<Owner> {
  const owner = await reader.owner(call.workspace, id);
  if (owner === undefined) throw notFound('owner');
  return owner;
}

export async function createOwner(tx: Tx, call: Call, input: Body<'owners.create'>): Promise<Owner> {
  const roles = await resolveRoles(tx, call, input.roles ?? []);
  if (roles.length > 0) checkGiving(call);
  const owner: Owner = {
    id: newId('own'),
    workspace: call.workspace,
    type: input.type,
    name: input.name,
    roles,
    enabled: input.enabled ?? true,
    quota: input.quota ?? null,
    metadata: input.metadata ?? {},
    deletedAt: null,
    createdAt: call.now,
    updatedAt: call.now,
    version: 1,
  };
  await tx.insertOwner(owner);
  record(tx, call, 'owner.create', { type: 'owner', id: owner.id }, { type: owner.type, name: owner.name, roles });
  tx.changed({ workspace: call.workspace, kind: 'owner.created', id: owner.id });
  return owner;
}

export async function updateOwner(
  tx: Tx,
  call: Call,
  { id, input }: { readonly id: string; readonly input: Body<'owners.update'> },
): Promise<Owner> {
  const owner = await ownerById(tx, call, id);
  checkVersion(call, owner);
  const roles = input.roles === undefined ? owner.roles : await resolveRoles(tx, call, input.roles);
  if (!sameSet(roles, owner.roles)) checkGiving(call);
  if (input.enabled !== undefined && input.enabled !== owner.enabled) await checkManager(tx, call, id);
  const next: Owner = {
    ...owner,
    name: input.name ?? owner.name,
    roles,
    enabled: input.enabled ?? owner.enabled,
    quota: input.quota === undefined ? owner.quota : input.quota,
    metadata: input.metadata ?? owner.metadata,
    updatedAt: call.now,
    version: owner.version + 1,
  };
  await tx.updateOwner(next);
  record(tx, call, 'owner.update', { type: 'owner', id }, difference(owner, next));
  const kind = next.enabled === owner.enabled ? 'owner.updated' : next.enabled ? 'owner.enabled' : 'owner.disabled';
  await tellChange(tx, { workspace: call.workspace, kind, id }, call.now);
  return next;
}

export async function deleteOwner(tx: Tx, call: Call, id: string): Promise<void> {
  const owner = await ownerById(tx, call, id);
  checkVersion(call, owner);
  if (id === call.actor.owner && !call.actor.isAdmin)
    throw new Refusal('forbidden', 'only admin deletes the owner it belongs to');
  await checkManager(tx, call, id);
  const revoked = await tx.revokeTokens({ workspace: call.workspace, owner: id }, call.now, 'owner deleted');
  await tx.updateOwner({
    ...owner,
    enabled: false,
    deletedAt: call.now,
    updatedAt: call.now,
    version: owner.version + 1,
  });
  record(tx, call, 'owner.delete', { type: 'owner', id }, { revokedTokens: revoked.length });
  for (const token of revoked) tx.changed({ workspace: call.workspace, kind: 'token.revoked', id: token });
  await tellChange(tx, { workspace: call.workspace, kind: 'owner.deleted', id }, call.now);
}

/** Roles are authority: they widen what the owner's personal tokens reach and where from. */
function checkGiving(call: Call): void {
  if (!call.actor.isAdmin) throw new Refusal('forbidden', 'only admin gives or takes roles');
}

/** Ids of roles that are named by id or by name. */
async function resolveRoles(tx: Tx, call: Call, named: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const [index, reference] of named.entries()) {
    const role = (await tx.role(call.workspace, reference)) ?? (await tx.roleByName(call.workspace, reference));
    if (role === undefined) throw invalid(`/roles/${index}`, 'no such role', 'unknown_reference');
    if (!ids.includes(role.id)) ids.push(role.id);
  }
  return ids;
}

/** Whoever ends or revives an owner does so to its tokens: with `owners:write` alone nobody locks out an administrator. */
async function checkManager(tx: Tx, call: Call, owner: string): Promise<void> {
  if (call.actor.isAdmin) return;
  const api = await tx.apiByAudience(call.workspace, MANAGEMENT_AUDIENCE);
  for (const status of ['active', 'disabled', 'not_yet_valid'] as const) {
    const filter = { owner, api: api?.id, status, now: call.now };
    if ((await tx.tokens(call.workspace, filter, { limit: 1, before: undefined })).length > 0)
      throw new Refusal('forbidden', 'only admin disables, enables or deletes an owner that has management tokens');
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}
