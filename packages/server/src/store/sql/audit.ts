/** The audit chain as rows. */
import type { AuditHead, AuditRecord } from '../../core/model.ts';
import type { Reader } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import { fromJson } from './columns.ts';
import type { AuditRow, Db } from './tables.ts';

export async function audit(
  db: Db,
  workspace: string,
  filter: Parameters<Reader['audit']>[1],
): Promise<readonly AuditRecord[]> {
  const { after, limit, action, target } = filter;
  let query = db.selectFrom('audit').selectAll().where('workspace', '=', workspace).where('seq', '>', after);
  if (action !== undefined) query = query.where('action', '=', action);
  if (target !== undefined) query = query.where('target_id', '=', target);
  const rows = await query.orderBy('seq').limit(limit).execute();
  return rows.map(recordOf);
}

export async function auditHead(db: Db, workspace: string): Promise<AuditHead | undefined> {
  const [row] = await readHead(db, workspace);
  return row && { workspace, seq: row.seq, hash: row.hash, mac: row.mac };
}

const readHead = builtQuery((db) => db.selectFrom('audit_heads').selectAll().where('workspace', '=', ''));

export async function putAuditHead(db: Db, { workspace, seq, hash, mac }: AuditHead): Promise<void> {
  await upsertHead(db, workspace, seq, hash, mac);
}

const upsertHead = builtQuery((db) =>
  db
    .insertInto('audit_heads')
    .columns(['workspace', 'seq', 'hash', 'mac'])
    .values({ workspace: '', seq: 0, hash: '', mac: '' })
    .onConflict((conflict) =>
      conflict.column('workspace').doUpdateSet((eb) => ({
        seq: eb.ref('excluded.seq'),
        hash: eb.ref('excluded.hash'),
        mac: eb.ref('excluded.mac'),
      })),
    ),
);

function recordOf(row: AuditRow): AuditRecord {
  return {
    workspace: row.workspace,
    at: row.at,
    actor: {
      token: row.actor_token,
      owner: row.actor_owner,
      kind: row.actor_kind as AuditRecord['actor']['kind'],
    },
    action: row.action,
    target: row.target_type === null || row.target_id === null ? null : { type: row.target_type, id: row.target_id },
    outcome: row.outcome as AuditRecord['outcome'],
    requestId: row.request_id,
    address: row.address,
    details: fromJson(row.details),
    seq: row.seq,
    previous: row.previous,
    hash: row.hash,
  };
}

export function auditRowOf(record: AuditRecord): AuditRow {
  return {
    workspace: record.workspace,
    seq: record.seq,
    at: record.at,
    actor_token: record.actor.token,
    actor_owner: record.actor.owner,
    actor_kind: record.actor.kind,
    action: record.action,
    target_type: record.target?.type ?? null,
    target_id: record.target?.id ?? null,
    outcome: record.outcome,
    request_id: record.requestId,
    address: record.address,
    details: JSON.stringify(record.details),
    previous: record.previous,
    hash: record.hash,
  };
}
