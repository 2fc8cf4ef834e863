/** The audit chain: each record names the hash of the one before, and a head, authenticated with a key that is not in the store, names the last. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { AuditEntry, AuditHead } from './model.ts';
import type { AuditSeal, Reader } from './store-port.ts';

/** `previous` of the first record. */
export const GENESIS = '0'.repeat(64);
const PAGE = 1000;

/** Makes records and heads. Hash: SHA-256 of the RFC 8785 JSON of the record as the API shows it, without `hash`. */
export function auditSeal(key: Uint8Array): AuditSeal {
  return {
    record: (entry, seq, previous) => ({ ...entry, seq, previous, hash: recordHash(entry, seq, previous) }),
    head: ({ workspace, seq, hash }) => ({ workspace, seq, hash, mac: headMac(key, { workspace, seq, hash }) }),
  };
}

export interface ChainProof {
  readonly ok: boolean;
  /** Records that were read. */
  readonly records: number;
  /** `seq` of the first record that is wrong or missing. */
  readonly firstBad?: number;
  readonly reason?: string;
}

export interface Checkpoint {
  readonly seq: number;
  readonly hash: string;
}

/**
 * Proves a workspace's chain: every hash, the order, and that it ends where the head says. A checkpoint that was exported
 * before proves besides that nothing up to it was cut or replaced, head and all.
 */
export async function proveChain(
  reader: Reader,
  workspace: string,
  trust: { readonly key: Uint8Array; readonly checkpoint: Checkpoint | undefined },
): Promise<ChainProof> {
  // The head is read first: what is recorded meanwhile is beyond it and changes nothing.
  const head = await reader.auditHead(workspace);
  const { checkpoint } = trust;
  let previous = GENESIS;
  let seq = 0;
  let checkpointSeen = checkpoint === undefined || checkpoint.seq === 0;
  const bad = (firstBad: number, reason: string): ChainProof => ({ ok: false, records: seq, firstBad, reason });
  for (;;) {
    const records = await reader.audit(workspace, { after: seq, limit: PAGE });
    for (const record of records) {
      if (record.seq !== seq + 1) return bad(seq + 1, 'a record is missing');
      if (record.previous !== previous) return bad(record.seq, 'the record does not continue the one before');
      if (recordHash(record, record.seq, record.previous) !== record.hash)
        return bad(record.seq, 'the record was changed');
      seq = record.seq;
      previous = record.hash;
      if (seq === checkpoint?.seq) {
        if (checkpoint.hash !== previous) return bad(seq, 'the record is not the one of the checkpoint');
        checkpointSeen = true;
      }
      if (seq === head?.seq && head.hash !== previous) return bad(seq, 'the record is not the one that the head names');
    }
    if (records.length < PAGE) break;
  }
  if (head === undefined)
    return seq === 0 && checkpointSeen ? { ok: true, records: 0 } : bad(seq + 1, 'the head is missing');
  if (!sameMac(head.mac, headMac(trust.key, head))) return bad(head.seq, 'the head was changed');
  if (head.seq > seq) return bad(seq + 1, 'records at the end are missing');
  if (!checkpointSeen) return bad(seq + 1, 'the chain ends before the checkpoint');
  return { ok: true, records: seq };
}

function recordHash(entry: AuditEntry, seq: number, previous: string): string {
  const { at, actor, action, target, outcome, requestId, address, details } = entry;
  const shown = {
    seq,
    at: new Date(at).toISOString(),
    actor,
    action,
    target,
    outcome,
    requestId,
    address,
    details,
    previous,
  };
  return hash('sha256', canonicalJson(shown), 'hex');
}

function headMac(key: Uint8Array, head: Omit<AuditHead, 'mac'>): string {
  return createHmac('sha256', key)
    .update(canonicalJson({ workspace: head.workspace, seq: head.seq, hash: head.hash }))
    .digest('hex');
}

function sameMac(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(new TextEncoder().encode(a), new TextEncoder().encode(b));
}
