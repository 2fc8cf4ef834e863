/** Roles: named sets of scopes and address rules, held by owners. */
import type { Role } from '../../core/model.ts';
import type { PageRequest } from '../../core/store-port.ts';
import { fromJson, requireOne } from './columns.ts';
import type { Db, RoleRow } from './tables.ts';

export function roleOf(row: RoleRow): Role {
  return {
    id: row.id,
    workspace: row.workspace,
    name: row.name,
    scopes: fromJson(row.scopes),
    ip: fromJson(row.ip),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

export async function role(db: Db, workspace: string, id: string): Promise<Role | undefined> {
  const row = await ofWorkspace(db, workspace).where('id', '=', id).executeTakeFirst();
  return row && roleOf(row);
}

export async function roleByName(db: Db, workspace: string, name: string): Promise<Role | undefined> {
  const row = await ofWorkspace(db, workspace).where('name', '=', name).executeTakeFirst();
  return row && roleOf(row);
}

export async function roles(db: Db, workspace: string, page: PageRequest): Promise<readonly Role[]> {
  let query = ofWorkspace(db, workspace);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(roleOf);
}

export async function rolesByIds(db: Db, workspace: string, ids: readonly string[]): Promise<readonly Role[]> {
  if (ids.length === 0) return [];
  const rows = await ofWorkspace(db, workspace).where('id', 'in', ids).execute();
  return rows.map(roleOf);
}

export async function insertRole(db: Db, value: Role): Promise<void> {
  await db
    .insertInto('roles')
    .values({ id: value.id, workspace: value.workspace, created_at: value.createdAt, ...changeable(value) })
    .execute();
}

export async function updateRole(db: Db, value: Role): Promise<void> {
  const result = await db
    .updateTable('roles')
    .set(changeable(value))
    .where('workspace', '=', value.workspace)
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'role');
}

export async function deleteRole(db: Db, workspace: string, id: string): Promise<void> {
  await db.deleteFrom('owner_roles').where('workspace', '=', workspace).where('role', '=', id).execute();
  await db.deleteFrom('roles').where('workspace', '=', workspace).where('id', '=', id).execute();
}

function ofWorkspace(db: Db, workspace: string) {
  return db.selectFrom('roles').selectAll().where('workspace', '=', workspace);
}

function changeable(value: Role) {
  return {
    name: value.name,
    scopes: JSON.stringify(value.scopes),
    ip: JSON.stringify(value.ip),
    updated_at: value.updatedAt,
    version: value.version,
  };
}
