/** From what core keeps to what the contract shows. Digests never appear here. */
import type { Output } from '@tessera/contract';
import { filledUp } from '../core/credits.ts';
import type {
  Api,
  AuditRecord,
  Change,
  Owner,
  Role,
  Secret,
  Token,
  TokenWithSecrets,
  Workspace,
} from '../core/model.ts';
import { markOf } from '../core/places.ts';

export function time(ms: number): string {
  return new Date(ms).toISOString();
}

export function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : time(ms);
}

export function workspaceView({ id, name, enabled, createdAt, updatedAt }: Workspace): Output<'workspaces.get'> {
  return { id, name, enabled, createdAt: time(createdAt), updatedAt: time(updatedAt) };
}

export function apiView(api: Api): Output<'apis.get'> {
  const { id, name, audience, prefix, scopes, defaultExpirySeconds, maximumExpirySeconds, jwt, builtIn } = api;
  return {
    id,
    name,
    audience,
    prefix,
    scopes: scopes === 'any' ? 'any' : { ...scopes },
    defaultExpirySeconds,
    maximumExpirySeconds,
    jwt: jwt as Output<'apis.get'>['jwt'],
    builtIn,
    createdAt: time(api.createdAt),
    updatedAt: time(api.updatedAt),
  };
}

export function ownerView(owner: Owner): Output<'owners.get'> {
  const { id, type, name, roles, enabled, quota, metadata } = owner;
  return {
    id,
    type,
    name,
    roles: [...roles],
    enabled,
    quota,
    metadata: { ...metadata },
    createdAt: time(owner.createdAt),
    updatedAt: time(owner.updatedAt),
  };
}

export function roleView(role: Role): Output<'roles.get'> {
  return {
    id: role.id,
    name: role.name,
    scopes: [...role.scopes],
    ip: listsView(role.ip),
    createdAt: time(role.createdAt),
    updatedAt: time(role.updatedAt),
  };
}

export function tokenView({ token, secrets, account }: TokenWithSecrets, now: number): Output<'tokens.get'> {
  const current = secrets.find((secret) => secret.state === 'active') ?? secrets[0];
  return {
    id: token.id,
    kind: token.kind,
    name: token.name,
    owner: token.owner,
    api: token.api,
    env: token.environment,
    scopes: [...token.scopes],
    limits: token.limits.map((limit) => ({ ...limit })),
    quota: token.quota,
    credits: creditsView(token.credits, account, now),
    ip: listsView(token.ip),
    metadata: { ...token.metadata },
    boundKey: token.boundKey,
    format: token.format,
    parent: token.parent,
    client: token.client,
    session: token.session,
    status: statusOf(token, now),
    enabled: token.enabled,
    hint: current?.hint ?? '',
    fingerprint: current?.fingerprint ?? null,
    secrets: secrets.map((secret) => secretView(secret, now)),
    createdAt: time(token.createdAt),
    createdBy: token.createdBy,
    updatedAt: time(token.updatedAt),
    notBefore: timeOrNull(token.notBefore),
    expiresAt: timeOrNull(token.expiresAt),
    revokedAt: timeOrNull(token.revokedAt),
    revokedReason: token.revokedReason,
    lastUsedAt: timeOrNull(token.lastUsedAt),
  };
}

/** What is left now: an account is filled up when it is next spent from, and shown as if that were now. */
function creditsView(
  rule: Token['credits'],
  account: TokenWithSecrets['account'],
  now: number,
): Output<'tokens.get'>['credits'] {
  if (rule === null || account === undefined) return null;
  return { remaining: filledUp(account, rule.refill, now).remaining, refill: rule.refill };
}

function statusOf(token: Token, now: number): Output<'tokens.get'>['status'] {
  if (token.revokedAt !== null) return 'revoked';
  if (!token.enabled) return 'disabled';
  if (token.expiresAt !== null && token.expiresAt <= now) return 'expired';
  if (token.notBefore !== null && token.notBefore > now) return 'not_yet_valid';
  return 'active';
}

function secretView(secret: Secret, now: number): Output<'tokens.get'>['secrets'][number] {
  const over = secret.state === 'retiring' && (secret.validUntil ?? 0) <= now;
  return {
    fingerprint: secret.fingerprint,
    hint: secret.hint,
    state: over ? 'retired' : secret.state,
    createdAt: time(secret.createdAt),
    validUntil: timeOrNull(secret.validUntil),
    lastUsedAt: timeOrNull(secret.lastUsedAt),
  };
}

export function auditView(record: AuditRecord): Output<'audit.list'>['items'][number] {
  const { seq, at, actor, action, target, outcome, requestId, address, details, previous, hash } = record;
  return {
    seq,
    at: time(at),
    actor: { ...actor },
    action,
    target: target && { ...target },
    outcome,
    requestId,
    address,
    details: { ...details },
    previous,
    hash,
  };
}

export function changeView(change: Change): Output<'changes.list'>['items'][number] {
  const { seq, at, kind, id, signedUntil } = change;
  return {
    seq,
    mark: markOf(change),
    at: time(at),
    kind,
    id,
    ...(signedUntil !== undefined && { signedUntil: time(signedUntil) }),
  };
}

function listsView(lists: Token['ip']): Output<'tokens.get'>['ip'] {
  return { ...(lists.allow && { allow: [...lists.allow] }), ...(lists.deny && { deny: [...lists.deny] }) };
}
