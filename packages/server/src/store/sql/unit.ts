/** One unit of work: the writes of the port, within the transaction of its batch. */
import type { AuditEntry, ChangeEntry } from '../../core/model.ts';
import type { Tx } from '../../core/store-port.ts';
import { deleteApi, insertApi, updateApi } from './apis.ts';
import { putCredits } from './credits.ts';
import type { Inserts } from './inserts.ts';
import {
  deleteIssuer,
  dropForeignRevocationsBefore,
  insertIssuer,
  putForeignRevocation,
  updateIssuer,
} from './issuers.ts';
import { addImportedPrefix, dropIdempotencyBefore, putDataKey, putIdempotency, setMeta } from './keeping.ts';
import { insertKey, updateKey } from './keys.ts';
import { type DatabaseTime, dropNode, putNode } from './nodes.ts';
import { insertOwner, updateOwner } from './owners.ts';
import { claimProof } from './proofs.ts';
import { createReader } from './reader.ts';
import { parentsAmong, revokeSelected, selected } from './revocations.ts';
import { deleteRole, insertRole, updateRole } from './roles.ts';
import { insertSecret, updateSecret } from './secrets.ts';
import { endSignedWith } from './signed.ts';
import type { Db } from './tables.ts';
import { insertToken, revokeDescendants, revokeTokens, updateToken } from './tokens.ts';
import { addUsage, refundQuota, spendQuota, type Touch } from './usage.ts';
import { dropVerifier, putVerifiers } from './verifiers.ts';
import { insertWorkspace, updateWorkspace } from './workspaces.ts';

export interface Unit {
  readonly tx: Tx;
  readonly entries: readonly AuditEntry[];
  readonly changes: readonly ChangeEntry[];
  readonly tells: () => boolean;
  /** From now on `tx` throws: a write that was not awaited must not slip into the unit that comes next. */
  end(): void;
}

/** What of a dialect the writes depend on. */
export interface Terms {
  readonly inserts: Inserts;
  readonly touch: Touch;
  readonly now: DatabaseTime;
}

export function createUnit(connection: Db, { inserts, touch, now }: Terms): Unit {
  const entries: AuditEntry[] = [];
  const changes: ChangeEntry[] = [];
  let tells = false;
  let open = true;
  const db = (): Db => {
    if (!open) throw new Error('this unit of work is over');
    return connection;
  };
  const tx: Tx = {
    ...createReader(db, now),
    insertWorkspace: async (workspace) => insertWorkspace(db(), workspace),
    updateWorkspace: async (workspace) => updateWorkspace(db(), workspace),
    insertApi: async (api) => insertApi(db(), api),
    updateApi: async (api) => updateApi(db(), api),
    deleteApi: async (workspace, id) => deleteApi(db(), workspace, id),
    insertOwner: async (owner) => insertOwner(db(), owner),
    updateOwner: async (owner) => updateOwner(db(), owner),
    insertRole: async (role) => insertRole(db(), role),
    updateRole: async (role) => updateRole(db(), role),
    deleteRole: async (workspace, id) => deleteRole(db(), workspace, id),
    insertKey: async (key) => insertKey(db(), key),
    updateKey: async (key) => updateKey(db(), key),
    insertIssuer: async (issuer) => insertIssuer(db(), issuer),
    updateIssuer: async (issuer) => updateIssuer(db(), issuer),
    deleteIssuer: async (workspace, id) => deleteIssuer(db(), workspace, id),
    putForeignRevocation: async (revocation) => putForeignRevocation(db(), revocation),
    dropForeignRevocationsBefore: async (time) => dropForeignRevocationsBefore(db(), time),
    insertToken: async (token, secret) => insertToken(db(), inserts, { token, secret }),
    updateToken: async (token) => updateToken(db(), token),
    revokeTokens: async (which, at, reason) => revokeTokens(db(), which, { at, reason }),
    revokeDescendants: async (which, at, reason) => revokeDescendants(db(), which, { at, reason }),
    parentsAmong: async (which) => parentsAmong(db(), which),
    selected: async (which, among) => selected(db(), which, among),
    revokeSelected: async (which, at, reason) => revokeSelected(db(), which, { at, reason }),
    insertSecret: async (secret) => insertSecret(db(), inserts.secrets, secret),
    updateSecret: async (secret) => updateSecret(db(), secret),
    endSignedWith: async (which, now) => endSignedWith(db(), which, now),
    addImportedPrefix: async (workspace, prefix) => addImportedPrefix(db(), workspace, prefix),
    addUsage: async (counts) => addUsage(db(), inserts.usage, counts),
    touch: async (uses) => touch(db(), uses),
    spendQuota: async (key, period, spend) => spendQuota(db(), { key, period }, spend),
    refundQuota: async (key, period, cost) => refundQuota(db(), { key, period }, cost),
    putCredits: async (token, account) => putCredits(db(), token, account),
    putIdempotency: async (record) => putIdempotency(db(), record),
    dropIdempotencyBefore: async (time) => dropIdempotencyBefore(db(), time),
    setMeta: async (key, value) => setMeta(db(), key, value),
    putDataKey: async (key) => putDataKey(db(), key),
    putNode: async (report) => putNode(db(), now, report),
    dropNode: async (id) => dropNode(db(), id),
    claimProof: async (id, until) => claimProof(db(), now, { id, until }),
    putVerifiers: async (reports) => putVerifiers(db(), now, reports),
    dropVerifier: async (who) => dropVerifier(db(), who),
    record: (entry) => {
      db();
      entries.push(entry);
    },
    changed: (change) => {
      db();
      changes.push(change);
    },
    tells: () => {
      tells = true;
    },
  };
  return {
    tx,
    entries,
    changes,
    tells: () => tells,
    end: () => {
      open = false;
    },
  };
}
