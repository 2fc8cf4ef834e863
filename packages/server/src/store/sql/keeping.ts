/** What the platform keeps for itself: remembered answers, settings, prefixes of imported tokens. */
import type { IdempotencyRecord, WrappedKey } from '../../core/model.ts';
import type { ImportedPrefix } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import { bytes } from './columns.ts';
import type { Db } from './tables.ts';

export async function idempotency(db: Db, id: string): Promise<IdempotencyRecord | undefined> {
  const [row] = await readIdempotency(db, id);
  return (
    row && {
      id: row.id,
      requestHash: row.request_hash,
      status: row.status,
      sealed: bytes(row.sealed),
      createdAt: row.created_at,
    }
  );
}

const readIdempotency = builtQuery((db) => db.selectFrom('idempotency').selectAll().where('id', '=', ''));

export async function putIdempotency(db: Db, value: IdempotencyRecord): Promise<void> {
  const row = {
    request_hash: value.requestHash,
    status: value.status,
    sealed: value.sealed,
    created_at: value.createdAt,
  };
  await db
    .insertInto('idempotency')
    .values({ id: value.id, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
}

export async function dropIdempotencyBefore(db: Db, time: number): Promise<void> {
  await db.deleteFrom('idempotency').where('created_at', '<', time).execute();
}

export async function meta(db: Db, key: string): Promise<string | undefined> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value;
}

export async function setMeta(db: Db, key: string, value: string): Promise<void> {
  await db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}

export async function dataKeys(db: Db): Promise<readonly WrappedKey[]> {
  const rows = await db.selectFrom('data_keys').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map((row) => ({
    id: row.id,
    by: row.wrapped_by,
    wrapped: bytes(row.wrapped),
    createdAt: row.created_at,
  }));
}

export async function putDataKey(db: Db, { id, by, wrapped, createdAt }: WrappedKey): Promise<void> {
  const row = { wrapped_by: by, wrapped, created_at: createdAt };
  await db
    .insertInto('data_keys')
    .values({ id, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
}

/** Each once, though several workspaces have it. */
export async function importedPrefixes(db: Db, workspace: string | undefined): Promise<readonly ImportedPrefix[]> {
  const all = db.selectFrom('workspace_prefixes').select(['prefix', 'algorithm']).distinct();
  const query = workspace === undefined ? all : all.where('workspace', '=', workspace);
  const rows = await query.orderBy('prefix').orderBy('algorithm').execute();
  return rows.map(({ prefix, algorithm }) => ({ prefix, algorithm: algorithm as ImportedPrefix['algorithm'] }));
}

/** One prefix may stand for both algorithms. */
export async function addImportedPrefix(
  db: Db,
  workspace: string,
  { prefix, algorithm }: ImportedPrefix,
): Promise<void> {
  await db
    .insertInto('workspace_prefixes')
    .values({ workspace, prefix, algorithm })
    .onConflict((conflict) => conflict.columns(['workspace', 'prefix', 'algorithm']).doNothing())
    .execute();
}
