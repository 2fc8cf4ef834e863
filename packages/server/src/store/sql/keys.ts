/** The key rings as rows. */
import type { KeyAlgorithm } from '../../core/key-ring/algorithms.ts';
import type { KeyState, RingKey } from '../../core/model.ts';
import type { PageRequest, Reader } from '../../core/store-port.ts';
import { bytes, fromJsonOrNull, jsonOrNull, requireOne } from './columns.ts';
import type { Db, KeyRow } from './tables.ts';

export async function key(db: Db, workspace: string, id: string): Promise<RingKey | undefined> {
  const row = await ofWorkspace(db, workspace).where('id', '=', id).executeTakeFirst();
  return row && keyOf(row);
}

export async function keyNamed(db: Db, id: string): Promise<RingKey | undefined> {
  const row = await db.selectFrom('keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && keyOf(row);
}

export async function keys(db: Db, workspace: string, page: PageRequest): Promise<readonly RingKey[]> {
  let query = ofWorkspace(db, workspace);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(keyOf);
}

export async function liveKeys(db: Db, workspace: string): Promise<readonly RingKey[]> {
  const rows = await ofWorkspace(db, workspace).where('state', '!=', 'gone').orderBy('id').execute();
  return rows.map(keyOf);
}

export async function keysDue(db: Db, due: Parameters<Reader['keysDue']>[0]): Promise<readonly RingKey[]> {
  const { activatedUntil = Number.MIN_SAFE_INTEGER, neededUntil } = due;
  const rows = await db
    .selectFrom('keys')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb('state', '=', 'active').and('activated_at', '<=', activatedUntil),
        eb('state', '=', 'retired').and('needed_until', '<=', neededUntil),
      ]),
    )
    .orderBy('id')
    .execute();
  return rows.map(keyOf);
}

export async function insertKey(db: Db, value: RingKey): Promise<void> {
  const { id, workspace, alg, origin } = value;
  await db
    .insertInto('keys')
    .values({ id, workspace, alg, origin, created_at: value.createdAt, ...changeable(value) })
    .execute();
}

export async function updateKey(db: Db, value: RingKey): Promise<void> {
  const result = await db
    .updateTable('keys')
    .set(changeable(value))
    .where('workspace', '=', value.workspace)
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'key');
}

function ofWorkspace(db: Db, workspace: string) {
  return db.selectFrom('keys').selectAll().where('workspace', '=', workspace);
}

function keyOf(row: KeyRow): RingKey {
  return {
    id: row.id,
    workspace: row.workspace,
    alg: row.alg as KeyAlgorithm,
    state: row.state as KeyState,
    origin: row.origin as RingKey['origin'],
    publicJwk: fromJsonOrNull(row.public_jwk),
    sealed: row.sealed === null ? null : bytes(row.sealed),
    activatedAt: row.activated_at,
    retiredAt: row.retired_at,
    neededUntil: row.needed_until,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

function changeable(value: RingKey) {
  return {
    state: value.state,
    public_jwk: jsonOrNull(value.publicJwk),
    sealed: value.sealed,
    activated_at: value.activatedAt,
    retired_at: value.retiredAt,
    needed_until: value.neededUntil,
    updated_at: value.updatedAt,
    version: value.version,
  };
}
