/** Things to keep, valid and complete, each with an id of its own. */
import { createHash, randomBytes } from 'node:crypto';
import { auditSeal } from '../../../src/core/audit-chain.ts';
import { newId } from '../../../src/core/ids.ts';
import type { Api, AuditEntry, Owner, Role, Secret, Token, Workspace } from '../../../src/core/model.ts';
import type { Store, Tx } from '../../../src/core/store-port.ts';

export const NOW = Date.UTC(2026, 10, 22, 12);
export const sealKey = createHash('sha256').update('the key of the tests').digest();
export const seal = auditSeal(sealKey);
export const clock = { now: () => NOW };

/** Text that a careless column, collation or encoding would change. */
export const AWKWARD = "Zoë's  \u202Ekey\u202C 🗝️ \\ % _ \" ' ; -- ﬁ Å A\u030A\n\t日本";

const kept = { createdAt: NOW, updatedAt: NOW, version: 1 };

export function aWorkspace(over: Partial<Workspace> = {}): Workspace {
  return { id: newId('ws'), name: 'workspace', enabled: true, deletedAt: null, ...kept, ...over };
}

export function anApi(workspace: string, over: Partial<Api> = {}): Api {
  const id = newId('api');
  return {
    id,
    workspace,
    name: 'orders',
    audience: `https://${id}.example.test`,
    prefix: 'tsr',
    scopes: 'any',
    defaultExpirySeconds: null,
    maximumExpirySeconds: null,
    jwt: null,
    builtIn: false,
    ...kept,
    ...over,
  };
}

export function aRole(workspace: string, over: Partial<Role> = {}): Role {
  const id = newId('role');
  return { id, workspace, name: `role ${id}`, scopes: ['orders:read'], ip: {}, ...kept, ...over };
}

export function anOwner(workspace: string, over: Partial<Owner> = {}): Owner {
  return {
    id: newId('own'),
    workspace,
    type: 'service',
    name: 'owner',
    roles: [],
    enabled: true,
    quota: null,
    metadata: {},
    deletedAt: null,
    ...kept,
    ...over,
  };
}

export function aToken(workspace: string, api: string, over: Partial<Token> = {}): Token {
  return {
    id: newId('tok'),
    workspace,
    kind: 'api_key',
    name: 'token',
    owner: null,
    api,
    environment: 'live',
    scopes: [],
    limits: [],
    quota: null,
    credits: null,
    ip: {},
    metadata: {},
    boundKey: null,
    format: 'opaque',
    parent: null,
    client: null,
    session: null,
    enabled: true,
    createdBy: 'system',
    notBefore: null,
    expiresAt: null,
    revokedAt: null,
    revokedReason: null,
    lastUsedAt: null,
    ...kept,
    ...over,
  };
}

export function aSecret(token: string, over: Partial<Secret> = {}): Secret {
  return {
    digest: new Uint8Array(randomBytes(32)),
    algorithm: 'sha256',
    token,
    fingerprint: null,
    hint: 'tsr_live_…wxyz',
    state: 'active',
    createdAt: NOW,
    validUntil: null,
    graceSeconds: null,
    lastUsedAt: null,
    ...over,
  };
}

export function anEntry(workspace: string, over: Partial<AuditEntry> = {}): AuditEntry {
  return {
    workspace,
    at: NOW,
    actor: { token: null, owner: null, kind: 'system' },
    action: 'token.create',
    target: null,
    outcome: 'ok',
    requestId: null,
    address: null,
    details: {},
    ...over,
  };
}

export interface Tenant {
  readonly workspace: Workspace;
  readonly api: Api;
}

/** A workspace with an api, committed. */
export async function aTenant(store: Store): Promise<Tenant> {
  const workspace = aWorkspace();
  const api = anApi(workspace.id);
  await store.write(async (tx) => {
    await tx.insertWorkspace(workspace);
    await tx.insertApi(api);
  });
  return { workspace, api };
}

/** A token with one secret, written with its audit record and its change, as every mint is. */
export async function mint(tx: Tx, { workspace, api }: Tenant, over: Partial<Token> = {}): Promise<[Token, Secret]> {
  const token = aToken(workspace.id, api.id, over);
  const secret = aSecret(token.id);
  await tx.insertToken(token, secret);
  tx.record(anEntry(workspace.id, { target: { type: 'token', id: token.id } }));
  tx.changed({ workspace: workspace.id, kind: 'token.created', id: token.id });
  return [token, secret];
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
