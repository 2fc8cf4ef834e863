/** The hottest read, one statement: the secret with a digest, and all that a verdict needs beside it. */
import { type CompiledQuery, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Token, TokenContext } from '../../core/model.ts';
import { apiOf } from './apis.ts';
import { fromJson } from './columns.ts';
import { columnsOf, partAt, widthOf } from './joined.ts';
import { ownerOf } from './owners.ts';
import { roleOf } from './roles.ts';
import { secretOf } from './secrets.ts';
import type { Db, RoleRow, Tables } from './tables.ts';
import { tokenOf } from './tokens.ts';
import { workspaceOf } from './workspaces.ts';

/** Where the columns of each table start. */
const at = {
  secrets: 0,
  tokens: widthOf('secrets'),
  apis: widthOf('secrets', 'tokens'),
  workspaces: widthOf('secrets', 'tokens', 'apis'),
  owners: widthOf('secrets', 'tokens', 'apis', 'workspaces'),
  roles: widthOf('secrets', 'tokens', 'apis', 'workspaces', 'owners'),
};

/** Rows as one JSON text, in the words of the dialect. */
export type JsonArrayFrom = <O>(rows: SelectQueryBuilder<Tables, 'owner_roles' | 'roles', O>) => RawBuilder<unknown>;

/** The statement's text, for a store to prepare; its only parameter is the digest. */
export function findStatement(db: Db, jsonArrayFrom: JsonArrayFrom): CompiledQuery {
  const roles = db
    .selectFrom('owner_roles')
    .innerJoin('roles', 'roles.id', 'owner_roles.role')
    .select([
      'roles.id',
      'roles.workspace',
      'roles.name',
      'roles.scopes',
      'roles.ip',
      'roles.created_at',
      'roles.updated_at',
      'roles.version',
    ])
    .whereRef('owner_roles.owner', '=', sql.ref('tokens.owner'))
    .orderBy('owner_roles.position');
  return db
    .selectFrom('secrets')
    .innerJoin('tokens', 'tokens.id', 'secrets.token')
    .innerJoin('apis', 'apis.id', 'tokens.api')
    .innerJoin('workspaces', 'workspaces.id', 'tokens.workspace')
    .leftJoin('owners', 'owners.id', 'tokens.owner')
    .select(columnsOf('secrets', 'tokens', 'apis', 'workspaces', 'owners'))
    .select(jsonArrayFrom(roles).as('roles'))
    .where('secrets.digest', '=', new Uint8Array())
    .compile();
}

/** What the statement alone tells; who has a parent has ancestors, which another one reads. */
export type Found = Omit<TokenContext, 'ancestors'>;

export const NO_ANCESTORS: readonly Token[] = [];

/** From the statement's answer as a list of values: naming each of its columns in each row would take a third of the time. */
export function contextOf(values: readonly unknown[]): Found {
  const roles = fromJson<readonly RoleRow[]>(values[at.roles] as string).map(roleOf);
  const owner = partAt('owners', values, at.owners);
  const secret = secretOf(partAt('secrets', values, at.secrets));
  return {
    secret,
    token: tokenOf(partAt('tokens', values, at.tokens), secret.lastUsedAt),
    api: apiOf(partAt('apis', values, at.apis)),
    workspace: workspaceOf(partAt('workspaces', values, at.workspaces)),
    owner: owner.id === null ? null : ownerOf({ ...owner, roles: roles.map(({ id }) => id).join(' ') || null }),
    roles,
  };
}
