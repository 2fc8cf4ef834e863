/** The audit chain: each record names the hash of the one before, and a head, authenticated with a key that is not in the store, names the last. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { canonicalJson } from './canonical-json.ts';
import type { AuditEntry, AuditHead, AuditRecord } from './model.ts';
import type { AuditSeal, Reader } from './store-port.ts';

/** `previous` of the first record. */
export const GENESIS = '0'.repeat(64);
/** Read and hashed in one go; between two, others get their turn. */
const PAGE = 250;

/** Makes records and heads. Hash: SHA-256 of the RFC 8785 JSON of the record as the API shows it, without `hash`. */
export function auditSeal(key: Uint8Array): AuditSeal {
  return {
    record: (entry, seq, previous) => ({ ...entry, seq, previous, hash: recordHash(entry, seq, previous) }),
    head({ workspace, seq, hash }, before) {
      // To authenticate what continues a forged head would launder the forgery: such a chain stays unproved.
      const mac = before === undefined || isGenuine(before, key) ? headMac(key, { workspace, seq, hash }) : FORGED;
      return { workspace, seq, hash, mac };
    },
  };
}

/** The mac of a head that follows one which was not authentic. */
const FORGED = '0'.repeat(64);

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

export interface Trust {
  readonly key: Uint8Array;
  readonly checkpoint: Checkpoint | undefined;
  /** Action of the record that every chain begins with, so that a log begun anew is seen; undefined: any. */
  readonly first?: string | undefined;
}

/**
 * Proves a workspace's chain: every hash, the order, and that it ends where the head says. A checkpoint that was exported
 * before proves besides that nothing up to it was cut or replaced, head and all.
 */
export async function proveChain(reader: Reader, workspace: string, trust: Trust): Promise<ChainProof> {
  const chain: Link = { seq: 0, hash: GENESIS };
  const bad = (firstBad: number, reason: string): ChainProof => ({ ok: false, records: chain.seq, firstBad, reason });
  // The head is read first: what it names must be among the records, and what is recorded meanwhile is beyond it.
  const head = await reader.auditHead(workspace);
  if (head === undefined) return bad(1, 'the head is missing');
  while (chain.seq < head.seq) {
    const fault = await inTurn(() => provePage(reader, chain, { workspace, upTo: head.seq, trust }));
    if (fault !== undefined) return bad(chain.seq + 1, fault);
  }
  if (!isGenuine(head, trust.key)) return bad(head.seq, 'the head was changed');
  if (head.hash !== chain.hash) return bad(head.seq, 'the record is not the one that the head names');
  if ((trust.checkpoint?.seq ?? 0) > chain.seq) return bad(chain.seq + 1, 'the chain ends before the checkpoint');
  if (await isExceeded(reader, head)) return bad(head.seq + 1, 'the record is beyond the head');
  return { ok: true, records: chain.seq };
}

interface Link {
  seq: number;
  hash: string;
}

/** Proves the next records and moves the chain on; or what is wrong with the one after it. */
async function provePage(
  reader: Reader,
  chain: Link,
  { workspace, upTo, trust }: { readonly workspace: string; readonly upTo: number; readonly trust: Trust },
): Promise<string | undefined> {
  const limit = Math.min(PAGE, upTo - chain.seq);
  const records = await readable(() => reader.audit(workspace, { after: chain.seq, limit }));
  // A row that cannot be read fails its page: alone, it is found.
  const page = records ?? (await readable(() => reader.audit(workspace, { after: chain.seq, limit: 1 })));
  if (page === undefined) return 'the record was changed';
  if (page.length === 0) return 'records at the end are missing';
  for (const record of page) {
    const fault = faultOf(record, chain, trust);
    if (fault !== undefined) return fault;
    chain.seq = record.seq;
    chain.hash = record.hash;
  }
  return undefined;
}

let turn: Promise<unknown> = Promise.resolve();

/** One page in the whole process, then a turn of the loop: however many proofs run, nobody else waits longer than for one. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work);
  turn = mine.then(turnOfTheLoop, turnOfTheLoop);
  return mine;
}

/** Whether there is a record that no head ever named. One that was written meanwhile moved the head with it. */
async function isExceeded(reader: Reader, { workspace, seq }: AuditHead): Promise<boolean> {
  const beyond = await readable(() => reader.audit(workspace, { after: seq, limit: 1 }));
  if (beyond?.length === 0) return false;
  const now = await reader.auditHead(workspace);
  return now === undefined || now.seq <= seq;
}

/** Undefined where a row does not hold what it was written with, and so was changed. */
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What is wrong with a record as the next one of the chain. */
function faultOf(
  record: AuditRecord,
  chain: { readonly seq: number; readonly hash: string },
  { checkpoint, first }: Trust,
): string | undefined {
  if (record.seq !== chain.seq + 1) return 'a record is missing';
  if (record.previous !== chain.hash) return 'the record does not continue the one before';
  if (!hasOwnHash(record)) return 'the record was changed';
  if (record.seq === 1 && first !== undefined && record.action !== first) return 'the log was begun anew';
  if (record.seq === checkpoint?.seq && checkpoint.hash !== record.hash)
    return 'the record is not the one of the checkpoint';
  return undefined;
}

function hasOwnHash(record: AuditRecord): boolean {
  try {
    return recordHash(record, record.seq, record.previous) === record.hash;
  } catch (error) {
    // A time or text that cannot be written was never recorded.
    if (error instanceof RangeError || error instanceof TypeError) return false;
    throw error;
  }
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

function isGenuine(head: AuditHead, key: Uint8Array): boolean {
  return sameMac(head.mac, headMac(key, head));
}

function sameMac(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(new TextEncoder().encode(a), new TextEncoder().encode(b));
}
