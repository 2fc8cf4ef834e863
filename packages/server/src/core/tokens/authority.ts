/**
 * Who may mint and change what. For the built-in management api nobody makes or touches a token that is wider, longer-lived or
 * another owner's than their own; for every other api of the workspace the scope `tokens:write` suffices.
 */
import { expandManagementScopes } from '@tessera/contract';
import type { Actor } from '../call.ts';
import type { Api, Token } from '../model.ts';
import { Refusal } from '../refusal.ts';
import { MANAGEMENT_AUDIENCE } from './facts.ts';

export function isManagementApi(api: Api): boolean {
  return api.builtIn && api.audience === MANAGEMENT_AUDIENCE;
}

/** Throws `forbidden` where a management token with these properties would exceed the caller's own. */
export function checkAuthority(
  actor: Actor,
  wanted: {
    readonly api: Api;
    readonly scopes: readonly string[];
    readonly owner: string | null;
    readonly expiresAt: number | null;
  },
): void {
  if (!isManagementApi(wanted.api)) return;
  if (wanted.scopes.includes('root')) throw new Refusal('forbidden', 'the root token is changed by its setting alone');
  const beyond = expandManagementScopes(wanted.scopes).filter((scope) => !actor.scopes.includes(scope));
  if (beyond.length > 0) throw new Refusal('forbidden', `your token does not hold the scope ${beyond.join(' ')}`);
  if (actor.expiresAt !== undefined && (wanted.expiresAt === null || wanted.expiresAt > actor.expiresAt)) {
    throw new Refusal('forbidden', 'a management token cannot outlive the token that makes or changes it');
  }
  if (wanted.owner !== actor.owner && !actor.isAdmin)
    throw new Refusal('forbidden', 'only admin handles the management tokens of other owners');
}

/** Throws `forbidden` where the caller may not touch this token at all: its secret or its end is worth as much as its scopes. */
export function checkTouch(actor: Actor, token: Token, api: Api): void {
  checkAuthority(actor, { api, scopes: token.scopes, owner: token.owner, expiresAt: token.expiresAt });
}
