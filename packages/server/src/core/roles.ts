/** Roles: named sets of scopes and address ranges, given to owners. */
import type { Body } from '@tessera/contract';
import { addresses, type Call, checkVersion, difference, record } from './call.ts';
import { newId } from './ids.ts';
import type { Role } from './model.ts';
import { notFound, Refusal } from './refusal.ts';
import type { Reader, Tx } from './store-port.ts';

export async function roleById(reader: Reader, call: Call, id: string): Promise<Role> {
  const role = await reader.role(call.workspace, id);
  if (role === undefined) throw notFound('role');
  return role;
}

export async function createRole(tx: Tx, call: Call, input: Body<'roles.create'>): Promise<Role> {
  await refuseTakenName(tx, call, input.name);
  const role: Role = {
    id: newId('role'),
    workspace: call.workspace,
    name: input.name,
    scopes: input.scopes,
    ip: addresses(input.ip),
    createdAt: call.now,
    updatedAt: call.now,
    version: 1,
  };
  await tx.insertRole(role);
  record(tx, call, 'role.create', { type: 'role', id: role.id }, { name: role.name, scopes: role.scopes, ip: role.ip });
  tx.changed({ workspace: call.workspace, kind: 'role.created', id: role.id });
  return role;
}

export async function updateRole(
  tx: Tx,
  call: Call,
  { id, input }: { readonly id: string; readonly input: Body<'roles.update'> },
): Promise<Role> {
  const role = await roleById(tx, call, id);
  checkVersion(call, role);
  // Widening a role that one holds would be giving oneself authority, and so would its name: routes ask for roles by name.
  const isRenamed = input.name !== undefined && input.name !== role.name;
  if ((isRenamed || input.scopes !== undefined || input.ip !== undefined) && (await isOwn(tx, call, id))) {
    throw new Refusal('forbidden', 'only admin changes a role that its own owner has');
  }
  if (isRenamed) await refuseTakenName(tx, call, input.name ?? role.name);
  const next: Role = {
    ...role,
    name: input.name ?? role.name,
    scopes: input.scopes ?? role.scopes,
    ip: input.ip === undefined ? role.ip : addresses(input.ip),
    updatedAt: call.now,
    version: role.version + 1,
  };
  await tx.updateRole(next);
  record(tx, call, 'role.update', { type: 'role', id }, difference(role, next));
  tx.changed({ workspace: call.workspace, kind: 'role.updated', id });
  return next;
}

export async function deleteRole(tx: Tx, call: Call, id: string): Promise<void> {
  const role = await roleById(tx, call, id);
  checkVersion(call, role);
  // With the role its address ranges go too: its owners' tokens would work from more places than before.
  if (!call.actor.isAdmin && (await tx.ownersWithRole(call.workspace, id)).length > 0) {
    throw new Refusal('forbidden', 'only admin deletes a role that an owner has');
  }
  await tx.deleteRole(call.workspace, id);
  record(tx, call, 'role.delete', { type: 'role', id }, { name: role.name });
  tx.changed({ workspace: call.workspace, kind: 'role.deleted', id });
}

async function isOwn(tx: Tx, call: Call, role: string): Promise<boolean> {
  const { owner, isAdmin } = call.actor;
  return !isAdmin && owner !== null && (await tx.ownersWithRole(call.workspace, role)).includes(owner);
}

async function refuseTakenName(tx: Tx, call: Call, name: string): Promise<void> {
  if ((await tx.roleByName(call.workspace, name)) !== undefined)
    throw new Refusal('conflict', 'a role with this name exists already');
}
