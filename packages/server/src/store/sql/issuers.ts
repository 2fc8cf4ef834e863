/** Issuers whose tokens are accepted, and what is revoked of them, as rows. */
import type { ForeignRevocation, Issuer } from '../../core/issuers/issuer.ts';
import type { PageRequest, Reader } from '../../core/store-port.ts';
import { bytes, flag, fromJson, requireOne } from './columns.ts';
import type { Db, ForeignRevocationRow, IssuerRow } from './tables.ts';

export async function issuer(db: Db, workspace: string, id: string): Promise<Issuer | undefined> {
  const row = await ofWorkspace(db, workspace).where('id', '=', id).executeTakeFirst();
  return row && issuerOf(row);
}

export async function issuers(db: Db, workspace: string, page: PageRequest): Promise<readonly Issuer[]> {
  let query = ofWorkspace(db, workspace);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(issuerOf);
}

export async function insertIssuer(db: Db, value: Issuer): Promise<void> {
  const { id, workspace, api, createdAt } = value;
  await db
    .insertInto('issuers')
    .values({ id, workspace, api, issuer: value.issuer, created_at: createdAt, ...changeable(value) })
    .execute();
}

export async function updateIssuer(db: Db, value: Issuer): Promise<void> {
  const result = await db
    .updateTable('issuers')
    .set(changeable(value))
    .where('workspace', '=', value.workspace)
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'issuer');
}

export async function deleteIssuer(db: Db, workspace: string, id: string): Promise<void> {
  await db.deleteFrom('issuers').where('workspace', '=', workspace).where('id', '=', id).execute();
}

export async function foreignRevocation(db: Db, workspace: string, id: string): Promise<ForeignRevocation | undefined> {
  const row = await revocationsOf(db, workspace).where('id', '=', id).executeTakeFirst();
  return row && revocationOf(row);
}

/** What may concern a token: that of its `jti`, that of its `sub`, and that of all tokens of its issuer. */
export async function foreignRevocations(
  db: Db,
  workspace: string,
  { issuer: name, jti, sub }: Parameters<Reader['foreignRevocations']>[1],
): Promise<readonly ForeignRevocation[]> {
  const rows = await revocationsOf(db, workspace)
    .where('issuer', '=', name)
    .where((eb) =>
      eb.or([
        eb.and([eb('jti', 'is', null), eb('sub', 'is', null)]),
        eb('sub', '=', sub),
        ...(jti === undefined ? [] : [eb('jti', '=', jti)]),
      ]),
    )
    .execute();
  return rows.map(revocationOf);
}

export async function putForeignRevocation(db: Db, value: ForeignRevocation): Promise<void> {
  const { id, workspace, issuer: name, jti, sub, at, until } = value;
  const changed = { issued_before: value.issuedBefore, at, until };
  await db
    .insertInto('foreign_revocations')
    .values({ id, workspace, issuer: name, jti, sub, ...changed })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
    .execute();
}

export async function dropForeignRevocationsBefore(db: Db, time: number): Promise<void> {
  await db.deleteFrom('foreign_revocations').where('until', '<', time).execute();
}

function ofWorkspace(db: Db, workspace: string) {
  return db.selectFrom('issuers').selectAll().where('workspace', '=', workspace);
}

function revocationsOf(db: Db, workspace: string) {
  return db.selectFrom('foreign_revocations').selectAll().where('workspace', '=', workspace);
}

function issuerOf(row: IssuerRow): Issuer {
  return {
    id: row.id,
    workspace: row.workspace,
    api: row.api,
    name: row.name,
    issuer: row.issuer,
    method: fromJson(row.method),
    sealed: row.sealed === null ? null : bytes(row.sealed),
    rules: fromJson(row.rules),
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

function changeable(value: Issuer) {
  return {
    name: value.name,
    method: JSON.stringify(value.method),
    sealed: value.sealed,
    rules: JSON.stringify(value.rules),
    enabled: flag(value.enabled),
    updated_at: value.updatedAt,
    version: value.version,
  };
}

function revocationOf(row: ForeignRevocationRow): ForeignRevocation {
  const { id, workspace, jti, sub, at, until } = row;
  return { id, workspace, issuer: row.issuer, jti, sub, issuedBefore: row.issued_before, at, until };
}
