/** Changing and revoking tokens. */

import type { Body } from '@tessera/contract';
import { addresses, type Call, type Confirmed, checkVersion, difference, record } from '../call.ts';
import type { Api, Token, TokenWithSecrets } from '../model.ts';
import { notFound, Refusal } from '../refusal.ts';
import { tellChange } from '../signed/tell-change.ts';
import type { Reader, Tx } from '../store-port.ts';
import { checkAuthority } from './authority.ts';
import { checkWithin } from './children.ts';
import { changeAccount, changedCredits } from './credits.ts';
import { checkExpiry, type ExpiryPolicy } from './expiry.ts';
import { checkPersonal, checkScopes } from './mint.ts';

export async function tokenOf(reader: Reader, call: Pick<Call, 'workspace'>, id: string): Promise<TokenWithSecrets> {
  const found = await reader.token(call.workspace, id);
  if (found === undefined) throw notFound('token');
  return found;
}

export async function apiOf(reader: Reader, token: Token): Promise<Api> {
  const api = await reader.api(token.workspace, token.api);
  if (api === undefined) throw new Error(`token ${token.id} has no api`);
  return api;
}

export async function updateToken(
  tx: Tx,
  call: Confirmed,
  { id, input, policy }: { readonly id: string; readonly input: Body<'tokens.update'>; readonly policy: ExpiryPolicy },
): Promise<TokenWithSecrets> {
  const { token } = await tokenOf(tx, call, id);
  const api = await apiOf(tx, token);
  checkAuthority(call, api, token);
  checkVersion(call, token);
  if (token.revokedAt !== null) throw new Refusal('conflict', 'the token is revoked');
  const next = changed(token, input, call.now);
  if (input.scopes !== undefined) await checkNewScopes(tx, next, api);
  if (input.expiresAt !== undefined)
    checkExpiry(next.expiresAt, { ...token, api, policy, now: call.now, pointer: '/expiresAt' });
  if (token.format === 'jwt') checkSigned(token, next);
  if (token.parent !== null) {
    const [parent] = await tx.ancestors(token.parent);
    if (parent !== undefined) checkWithin(parent, asked(parent, input, next), { api, pointer: '/expiresAt' });
  }
  checkAuthority(call, api, next);
  const kind = next.enabled === token.enabled ? 'token.updated' : next.enabled ? 'token.enabled' : 'token.disabled';
  // Before its row may say an earlier end: what was signed goes on saying the later one, and until then it must be asked for.
  await tellChange(tx, { workspace: call.workspace, kind, id }, call.now);
  await tx.updateToken(next);
  const details = difference(token, next);
  if (input.credits !== undefined) {
    const accounts = { before: token, after: next };
    details.creditsLeft = await changeAccount(tx, accounts, { change: input.credits, now: call.now });
  }
  record(tx, call, 'token.update', { type: 'token', id }, details);
  return tokenOf(tx, call, id);
}

/** Ends a token for good. A token that is revoked already stays as it is, and the caller hears success. */
export async function revokeToken(
  tx: Tx,
  call: Confirmed,
  id: string,
  reason: string | undefined,
): Promise<TokenWithSecrets> {
  const found = await tokenOf(tx, call, id);
  const { token } = found;
  // Ending a token is the safe direction: one may end one's own, and an administrator any but the root token.
  const mayEnd = !token.scopes.includes('root') && (call.actor.isAdmin || token.id === call.actor.token);
  if (!mayEnd) checkAuthority(call, await apiOf(tx, token), token);
  checkVersion(call, token);
  if (token.revokedAt !== null) return found;
  await tx.updateToken({
    ...token,
    revokedAt: call.now,
    revokedReason: reason ?? null,
    updatedAt: call.now,
    version: token.version + 1,
  });
  const below = await tx.revokeDescendants(
    { workspace: call.workspace, of: id },
    call.now,
    `descends from ${id}, which was revoked`,
  );
  const details = { reason: reason ?? null, ...(below > 0 && { descendants: below }) };
  record(tx, call, 'token.revoke', { type: 'token', id }, details);
  await tellChange(tx, { workspace: call.workspace, kind: 'token.revoked', id }, call.now);
  return tokenOf(tx, call, id);
}

function changed(token: Token, input: Body<'tokens.update'>, now: number): Token {
  return {
    ...token,
    name: input.name ?? token.name,
    scopes: input.scopes ?? token.scopes,
    limits: input.limits ?? token.limits,
    quota: input.quota === undefined ? token.quota : input.quota,
    credits: changedCredits(token, input.credits),
    ip: input.ip === undefined ? token.ip : addresses(input.ip),
    expiresAt:
      input.expiresAt === undefined ? token.expiresAt : input.expiresAt === null ? null : Date.parse(input.expiresAt),
    enabled: input.enabled ?? token.enabled,
    metadata: input.metadata ?? token.metadata,
    updatedAt: now,
    version: token.version + 1,
  };
}

/** What stays as it is goes beyond nothing: a parent that does less by now must not keep anybody from disabling its child. */
function asked(
  parent: Token,
  { scopes, expiresAt }: Body<'tokens.update'>,
  next: Token,
): Parameters<typeof checkWithin>[1] {
  return { scopes: scopes ?? [], expiresAt: expiresAt === undefined ? parent.expiresAt : next.expiresAt };
}

/** Who reads the text alone believes what was signed: it may be narrowed here, and never said to be more. */
function checkSigned(token: Token, next: Token): void {
  const more = next.scopes.filter((scope) => !token.scopes.includes(scope));
  if (more.length > 0) throw new Refusal('conflict', `the token was signed without the scope ${more.join(' ')}`);
  if (next.expiresAt === null || (token.expiresAt !== null && next.expiresAt > token.expiresAt))
    throw new Refusal('conflict', 'the token was signed with an earlier expiry');
}

async function checkNewScopes(tx: Tx, next: Token, api: Api): Promise<void> {
  checkScopes(api, next.scopes);
  if (next.kind !== 'personal_access_token') return;
  const owner = next.owner === null ? undefined : await tx.owner(next.workspace, next.owner);
  await checkPersonal(tx, owner, next.scopes);
}
