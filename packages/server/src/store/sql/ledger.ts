/** What a batch leaves behind in its own transaction: its changes in the feed, its records in the audit chains. */
import { GENESIS } from '../../core/audit-chain.ts';
import type { AuditEntry, AuditHead, AuditRecord, Change, ChangeEntry } from '../../core/model.ts';
import type { AuditSeal } from '../../core/store-port.ts';
import { auditHead, auditRowOf, putAuditHead } from './audit.ts';
import { latestChange } from './changes.ts';
import type { Inserts } from './inserts.ts';
import type { Db } from './tables.ts';

/** Gives the changes their `seq`, contiguous and in the order of commits. */
export async function appendChanges(
  db: Db,
  insert: Inserts['changes'],
  { entries, at }: { readonly entries: readonly ChangeEntry[]; readonly at: number },
): Promise<readonly Change[]> {
  if (entries.length === 0) return [];
  const latest = await latestChange(db);
  const changes = entries.map((entry, index) => ({ seq: latest + 1 + index, at, ...entry }));
  await insert(
    db,
    changes.map(({ signedUntil = null, ...change }) => ({ ...change, signed_until: signedUntil })),
  );
  return changes;
}

/** Continues the chain of each workspace that has entries. Whatever cannot be recorded must not happen: it throws. */
export async function appendAudit(
  db: Db,
  insert: Inserts['audit'],
  { entries, seal }: { readonly entries: readonly AuditEntry[]; readonly seal: AuditSeal },
): Promise<void> {
  if (entries.length === 0) return;
  const byWorkspace = Map.groupBy(entries, ({ workspace }) => workspace);
  const heads = new Map<string, AuditHead | undefined>();
  for (const workspace of byWorkspace.keys()) heads.set(workspace, await auditHead(db, workspace));
  const records: AuditRecord[] = [];
  const last: AuditRecord[] = [];
  for (const [workspace, own] of byWorkspace) {
    let { seq, hash } = heads.get(workspace) ?? { seq: 0, hash: GENESIS };
    for (const entry of own) {
      const record = seal.record(entry, seq + 1, hash);
      records.push(record);
      ({ seq, hash } = record);
      if (entry === own.at(-1)) last.push(record);
    }
  }
  await insert(db, records.map(auditRowOf));
  for (const record of last) await putAuditHead(db, seal.head(record, heads.get(record.workspace)));
}
