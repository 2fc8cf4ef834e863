/** The first schema. References name the workspace too, so that the database itself lets nothing cross from one to another. */
import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

type Schema = Kysely<unknown>;

export function foundation(types: ColumnTypes): Migration {
  return {
    up: async (db: Schema) => {
      await createTenants(db, types);
      await createOwners(db, types);
      await createTokens(db, types);
      await createSecrets(db, types);
      await createHistory(db, types);
      await createCounters(db, types);
      await createKeeping(db, types);
    },
  };
}

async function createTenants(db: Schema, { text }: ColumnTypes): Promise<void> {
  await kept(db.schema.createTable('workspaces'), text)
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('deleted_at', 'bigint')
    .execute();
  await kept(db.schema.createTable('apis'), text)
    .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('audience', text, (column) => column.notNull())
    .addColumn('prefix', text, (column) => column.notNull())
    .addColumn('scopes', text, (column) => column.notNull())
    .addColumn('default_expiry_seconds', 'bigint')
    .addColumn('maximum_expiry_seconds', 'bigint')
    .addColumn('built_in', 'integer', (column) => column.notNull())
    .addUniqueConstraint('apis_workspace_id', ['workspace', 'id'])
    .addUniqueConstraint('apis_workspace_audience', ['workspace', 'audience'])
    .execute();
}

async function createOwners(db: Schema, { text }: ColumnTypes): Promise<void> {
  await kept(db.schema.createTable('roles'), text)
    .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('scopes', text, (column) => column.notNull())
    .addColumn('ip', text, (column) => column.notNull())
    .addUniqueConstraint('roles_workspace_id', ['workspace', 'id'])
    .addUniqueConstraint('roles_workspace_name', ['workspace', 'name'])
    .execute();
  await kept(db.schema.createTable('owners'), text)
    .addColumn('workspace', text, (column) => column.notNull().references('workspaces.id'))
    .addColumn('type', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('name_folded', text, (column) => column.notNull())
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('quota', text)
    .addColumn('metadata', text, (column) => column.notNull())
    .addColumn('deleted_at', 'bigint')
    .addUniqueConstraint('owners_workspace_id', ['workspace', 'id'])
    .execute();
  await db.schema
    .createTable('owner_roles')
    .addColumn('workspace', text, (column) => column.notNull())
    .addColumn('owner', text, (column) => column.notNull())
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('owner_roles_key', ['owner', 'role'])
    .addForeignKeyConstraint('owner_roles_owner', ['workspace', 'owner'], 'owners', ['workspace', 'id'])
    .addForeignKeyConstraint('owner_roles_role', ['workspace', 'role'], 'roles', ['workspace', 'id'])
    .execute();
  await db.schema.createIndex('owner_roles_by_role').on('owner_roles').columns(['workspace', 'role']).execute();
}

async function createTokens(db: Schema, { text, clustered }: ColumnTypes): Promise<void> {
  await kept(db.schema.createTable('tokens'), text)
    .addColumn('workspace', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('name_folded', text, (column) => column.notNull())
    .addColumn('owner', text)
    .addColumn('api', text, (column) => column.notNull())
    .addColumn('environment', text, (column) => column.notNull())
    .addColumn('scopes', text, (column) => column.notNull())
    .addColumn('limits', text, (column) => column.notNull())
    .addColumn('quota', text)
    .addColumn('ip', text, (column) => column.notNull())
    .addColumn('metadata', text, (column) => column.notNull())
    .addColumn('bound_key', text)
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('created_by', text, (column) => column.notNull())
    .addColumn('not_before', 'bigint')
    .addColumn('expires_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('revoked_reason', text)
    .addColumn('last_used_at', 'bigint')
    .addForeignKeyConstraint('tokens_api', ['workspace', 'api'], 'apis', ['workspace', 'id'])
    .addForeignKeyConstraint('tokens_owner', ['workspace', 'owner'], 'owners', ['workspace', 'id'])
    .modifyEnd(clustered)
    .execute();
  await db.schema.createIndex('tokens_by_workspace').on('tokens').columns(['workspace', 'id', 'name_folded']).execute();
  await db.schema.createIndex('tokens_by_api').on('tokens').columns(['api', 'id']).execute();
  // Most tokens of services have no owner, and every index is a page more in each mint.
  await db.schema
    .createIndex('tokens_by_owner')
    .on('tokens')
    .columns(['owner', 'id'])
    .where(sql.ref('owner'), 'is not', null)
    .execute();
}

async function createSecrets(db: Schema, { text, blob, clustered }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('secrets')
    .addColumn('digest', blob, (column) => column.notNull().primaryKey())
    .addColumn('algorithm', text, (column) => column.notNull())
    .addColumn('token', text, (column) => column.notNull().references('tokens.id'))
    .addColumn('ordinal', 'integer', (column) => column.notNull())
    .addColumn('fingerprint', text)
    .addColumn('hint', text, (column) => column.notNull())
    .addColumn('last_four', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('valid_until', 'bigint')
    .addColumn('grace_seconds', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .addUniqueConstraint('secrets_of_token', ['token', 'ordinal'])
    .modifyEnd(clustered)
    .execute();
}

async function createHistory(db: Schema, { text, counter, clustered }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('workspace', text, (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor_token', text)
    .addColumn('actor_owner', text)
    .addColumn('actor_kind', text, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('target_type', text)
    .addColumn('target_id', text)
    .addColumn('outcome', text, (column) => column.notNull())
    .addColumn('request_id', text)
    .addColumn('address', text)
    .addColumn('details', text, (column) => column.notNull())
    .addColumn('previous', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('audit_key', ['workspace', 'seq'])
    .modifyEnd(clustered)
    .execute();
  await db.schema.createIndex('audit_by_target').on('audit').columns(['workspace', 'target_id', 'seq']).execute();
  await db.schema
    .createTable('audit_heads')
    .addColumn('workspace', text, (column) => column.notNull().primaryKey())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addColumn('mac', text, (column) => column.notNull())
    .modifyEnd(clustered)
    .execute();
  await db.schema
    .createTable('changes')
    .addColumn('seq', counter, (column) => column.notNull().primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('workspace', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('id', text, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('changes_by_workspace').on('changes').columns(['workspace', 'seq']).execute();
}

async function createCounters(db: Schema, { text, clustered }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('usage')
    .addColumn('token', text, (column) => column.notNull())
    .addColumn('hour', 'bigint', (column) => column.notNull())
    .addColumn('allowed', 'bigint', (column) => column.notNull())
    .addColumn('denied', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('usage_key', ['token', 'hour'])
    .modifyEnd(clustered)
    .execute();
  await db.schema
    .createTable('quotas')
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('period', text, (column) => column.notNull())
    .addColumn('used', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('quotas_key', ['key', 'period'])
    .modifyEnd(clustered)
    .execute();
}

async function createKeeping(db: Schema, { text, blob }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('idempotency')
    .addColumn('id', text, (column) => column.notNull().primaryKey())
    .addColumn('request_hash', text, (column) => column.notNull())
    .addColumn('status', 'integer', (column) => column.notNull())
    .addColumn('sealed', blob, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('idempotency_by_time').on('idempotency').column('created_at').execute();
  await db.schema
    .createTable('imported_prefixes')
    .addColumn('prefix', text, (column) => column.notNull())
    .addColumn('algorithm', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('imported_prefixes_key', ['prefix', 'algorithm'])
    .execute();
  await db.schema
    .createTable('meta')
    .addColumn('key', text, (column) => column.notNull().primaryKey())
    .addColumn('value', text, (column) => column.notNull())
    .execute();
}

/** What every object of the API has: see `Kept` in the model. */
function kept(table: CreateTableBuilder<string>, text: ColumnTypes['text']) {
  return table
    .addColumn('id', text, (column) => column.notNull().primaryKey())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull());
}
