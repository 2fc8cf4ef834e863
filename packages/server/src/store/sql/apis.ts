/** Apis: resource servers of a workspace. */
import type { Api } from '../../core/model.ts';
import type { PageRequest } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import { flag, fromJson, fromJsonOrNull, jsonOrNull, requireOne } from './columns.ts';
import type { ApiRow, Db } from './tables.ts';

export function apiOf(row: ApiRow): Api {
  return {
    id: row.id,
    workspace: row.workspace,
    name: row.name,
    audience: row.audience,
    prefix: row.prefix,
    scopes: fromJson(row.scopes),
    defaultExpirySeconds: row.default_expiry_seconds,
    maximumExpirySeconds: row.maximum_expiry_seconds,
    jwt: fromJsonOrNull(row.jwt),
    builtIn: row.built_in === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

export async function api(db: Db, workspace: string, id: string): Promise<Api | undefined> {
  const [row] = await readApi(db, workspace, id);
  return row && apiOf(row);
}

const readApi = builtQuery((db) => ofWorkspace(db, '').where('id', '=', ''));

export async function apiByAudience(db: Db, workspace: string, audience: string): Promise<Api | undefined> {
  const [row] = await readApiByAudience(db, workspace, audience);
  return row && apiOf(row);
}

const readApiByAudience = builtQuery((db) => ofWorkspace(db, '').where('audience', '=', ''));

export async function apis(db: Db, workspace: string, page: PageRequest): Promise<readonly Api[]> {
  let query = ofWorkspace(db, workspace);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(apiOf);
}

export async function apiInUse(db: Db, workspace: string, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('tokens')
    .select('id')
    .where('workspace', '=', workspace)
    .where('api', '=', id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertApi(db: Db, value: Api): Promise<void> {
  await db
    .insertInto('apis')
    .values({ id: value.id, workspace: value.workspace, created_at: value.createdAt, ...changeable(value) })
    .execute();
}

export async function updateApi(db: Db, value: Api): Promise<void> {
  const result = await db
    .updateTable('apis')
    .set(changeable(value))
    .where('workspace', '=', value.workspace)
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'api');
}

export async function deleteApi(db: Db, workspace: string, id: string): Promise<void> {
  await db.deleteFrom('apis').where('workspace', '=', workspace).where('id', '=', id).execute();
}

function ofWorkspace(db: Db, workspace: string) {
  return db.selectFrom('apis').selectAll().where('workspace', '=', workspace);
}

function changeable(value: Api) {
  return {
    name: value.name,
    audience: value.audience,
    prefix: value.prefix,
    scopes: JSON.stringify(value.scopes),
    default_expiry_seconds: value.defaultExpirySeconds,
    maximum_expiry_seconds: value.maximumExpirySeconds,
    jwt: jsonOrNull(value.jwt),
    built_in: flag(value.builtIn),
    updated_at: value.updatedAt,
    version: value.version,
  };
}
