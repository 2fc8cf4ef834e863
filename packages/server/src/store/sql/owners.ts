/** Owners: whom tokens stand for, with the roles they hold. */
import { sql } from 'kysely';
import type { Owner } from '../../core/model.ts';
import type { OwnerFilter, PageRequest } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import { contains, flag, folded, fromJson, fromJsonOrNull, jsonOrNull, requireOne } from './columns.ts';
import type { Db, OwnerRow } from './tables.ts';

/** `roles`: ids in the owner's own order, with a space between; null where there are none. */
export function ownerOf(row: OwnerRow & { readonly roles: string | null }): Owner {
  return {
    id: row.id,
    workspace: row.workspace,
    type: row.type as Owner['type'],
    name: row.name,
    roles: row.roles === null ? [] : row.roles.split(' '),
    enabled: row.enabled === 1,
    quota: fromJsonOrNull(row.quota),
    metadata: fromJson(row.metadata),
    deletedAt: row.deleted_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

/** The ids of the roles of an owner, whose column is named, as `ownerOf` reads them. */
function roleIdsOf(db: Db, owner: string) {
  return db
    .selectFrom('owner_roles')
    .select(sql<string | null>`string_agg(role, ' ' order by position)`.as('roles'))
    .where(sql<boolean>`owner_roles.owner = ${sql.ref(owner)}`)
    .$asScalar();
}

export async function owner(db: Db, workspace: string, id: string): Promise<Owner | undefined> {
  const [row] = await readOwner(db, workspace, id);
  return row && ownerOf(row);
}

const readOwner = builtQuery((db) => ofWorkspace(db, '').where('id', '=', ''));

export async function owners(
  db: Db,
  workspace: string,
  { filter, page }: { readonly filter: OwnerFilter; readonly page: PageRequest },
): Promise<readonly Owner[]> {
  const { type, q } = filter;
  let query = ofWorkspace(db, workspace);
  if (type !== undefined) query = query.where('type', '=', type);
  if (q !== undefined) query = query.where((eb) => eb.or([contains('name_folded', folded(q)), eb('id', '=', q)]));
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(ownerOf);
}

/** At most two: whoever asks for one needs to know that there are more. */
export async function ownersByMetadata(
  db: Db,
  workspace: string,
  { key, value }: { readonly key: string; readonly value: string },
): Promise<readonly Owner[]> {
  // As a member stands in what this store wrote. Quotes in keys and values are escaped, so that nothing else spells it; and
  // `replace` compares letter by letter in both dialects, which `like` does not.
  const member = JSON.stringify({ [key]: value }).slice(1, -1);
  const rows = await ofWorkspace(db, workspace)
    .where(sql<boolean>`replace(metadata, ${member}, '') <> metadata`)
    .orderBy('id')
    .limit(2)
    .execute();
  return rows.map(ownerOf);
}

export async function ownersWithRole(db: Db, workspace: string, role: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('owner_roles')
    .innerJoin('owners', 'owners.id', 'owner_roles.owner')
    .select('owners.id')
    .where('owner_roles.workspace', '=', workspace)
    .where('owner_roles.role', '=', role)
    .where('owners.deleted_at', 'is', null)
    .execute();
  return rows.map(({ id }) => id);
}

export async function insertOwner(db: Db, value: Owner): Promise<void> {
  await db
    .insertInto('owners')
    .values({ id: value.id, workspace: value.workspace, created_at: value.createdAt, ...changeable(value) })
    .execute();
  await insertRoles(db, value);
}

export async function updateOwner(db: Db, value: Owner): Promise<void> {
  const result = await db
    .updateTable('owners')
    .set(changeable(value))
    .where('workspace', '=', value.workspace)
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'owner');
  await db.deleteFrom('owner_roles').where('workspace', '=', value.workspace).where('owner', '=', value.id).execute();
  await insertRoles(db, value);
}

async function insertRoles(db: Db, { id, workspace, roles }: Owner): Promise<void> {
  if (roles.length === 0) return;
  const rows = roles.map((role, position) => ({ workspace, owner: id, role, position }));
  await db.insertInto('owner_roles').values(rows).execute();
}

function ofWorkspace(db: Db, workspace: string) {
  return db
    .selectFrom('owners')
    .selectAll()
    .select(roleIdsOf(db, 'owners.id').as('roles'))
    .where('workspace', '=', workspace)
    .where('deleted_at', 'is', null);
}

function changeable(value: Owner) {
  return {
    type: value.type,
    name: value.name,
    name_folded: folded(value.name),
    enabled: flag(value.enabled),
    quota: jsonOrNull(value.quota),
    metadata: JSON.stringify(value.metadata),
    deleted_at: value.deletedAt,
    updated_at: value.updatedAt,
    version: value.version,
  };
}
