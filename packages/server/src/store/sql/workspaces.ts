/** Workspaces: tenants, and the rows that everything else hangs from. */
import type { Workspace } from '../../core/model.ts';
import type { PageRequest } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import { flag, requireOne } from './columns.ts';
import type { Db, WorkspaceRow } from './tables.ts';

export function workspaceOf(row: WorkspaceRow): Workspace {
  return {
    id: row.id,
    name: row.name,
    enabled: row.enabled === 1,
    deletedAt: row.deleted_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

export async function workspace(db: Db, id: string): Promise<Workspace | undefined> {
  const [row] = await readWorkspace(db, id);
  return row && workspaceOf(row);
}

const readWorkspace = builtQuery((db) =>
  db.selectFrom('workspaces').selectAll().where('id', '=', '').where('deleted_at', 'is', null),
);

export async function workspaces(db: Db, page: PageRequest): Promise<readonly Workspace[]> {
  let query = db.selectFrom('workspaces').selectAll().where('deleted_at', 'is', null);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(workspaceOf);
}

export async function insertWorkspace(db: Db, value: Workspace): Promise<void> {
  await db
    .insertInto('workspaces')
    .values({ id: value.id, created_at: value.createdAt, ...changeable(value) })
    .execute();
}

export async function updateWorkspace(db: Db, value: Workspace): Promise<void> {
  const result = await db
    .updateTable('workspaces')
    .set(changeable(value))
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'workspace');
}

function changeable(value: Workspace) {
  return {
    name: value.name,
    enabled: flag(value.enabled),
    deleted_at: value.deletedAt,
    updated_at: value.updatedAt,
    version: value.version,
  };
}
