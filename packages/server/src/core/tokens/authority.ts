/**
 * Who may mint and change what. For the built-in management api nobody makes or touches a token that is wider, longer-lived,
 * freer or another owner's than their own; for every other api of the workspace the scope `tokens:write` suffices.
 */
import { expandManagementScopes } from '@tessera/contract';
import type { Actor, Confirmed } from '../call.ts';
import type { Addresses, Api, Token } from '../model.ts';
import { Refusal } from '../refusal.ts';
import { MANAGEMENT_AUDIENCE } from './facts.ts';

/** What of a management token its maker's authority bounds. */
export type Wanted = Pick<Token, 'id' | 'parent' | 'kind' | 'scopes' | 'owner' | 'expiresAt' | 'ip' | 'boundKey'>;

export function isManagementApi(api: Api): boolean {
  return api.builtIn && api.audience === MANAGEMENT_AUDIENCE;
}

/**
 * Throws `forbidden` where a management token like this would exceed the caller's own. Asked of a token that exists, it
 * tells whether the caller may touch it at all: its secret or its end is worth as much as what it may do.
 */
export function checkAuthority(call: Confirmed, api: Api, wanted: Wanted): void {
  if (!isManagementApi(api)) return;
  if (wanted.scopes.includes('root')) throw forbidden('the root token is changed by its setting alone');
  // Who replaced a secret may have done so because a stranger has it: that stranger must not undo or outlive it.
  if (call.bonds.isReplaced) throw forbidden('your secret was replaced: call with the new one');
  checkReach(call.actor, wanted);
  if (!call.actor.isAdmin) checkBonds(call, wanted);
}

function checkReach(actor: Actor, wanted: Wanted): void {
  const beyond = expandManagementScopes(wanted.scopes).filter((scope) => !actor.scopes.includes(scope));
  if (beyond.length > 0) throw forbidden(`your token does not hold the scope ${beyond.join(' ')}`);
  if (actor.expiresAt !== undefined && (wanted.expiresAt === null || wanted.expiresAt > actor.expiresAt))
    throw forbidden('a management token cannot outlive the token that makes or changes it');
  if (wanted.owner !== actor.owner && !actor.isAdmin)
    throw forbidden('only admin handles the management tokens of other owners');
}

/** Otherwise a token that is held back would be the way to one that is not. */
function checkBonds({ actor, bonds }: Confirmed, wanted: Wanted): void {
  // Those alone are held back by what stands above the caller, and die with it.
  if (bonds.isChild && wanted.id !== actor.token && wanted.parent !== actor.token)
    throw forbidden('a token that descends from another handles itself and its own children alone');
  if (bonds.kind === 'personal_access_token' && wanted.kind !== bonds.kind)
    throw forbidden('a personal access token handles personal access tokens alone: others outlive their user’s roles');
  if (isHeld(bonds.ip) && !isSame(bonds.ip, wanted.ip))
    throw forbidden('a management token has the address rules of the token that makes or changes it');
  if (bonds.boundKey !== null && wanted.boundKey === null)
    throw forbidden('a management token is bound to a key where the token that makes or changes it is');
}

function isHeld({ allow = [], deny = [] }: Addresses): boolean {
  return allow.length > 0 || deny.length > 0;
}

function isSame(a: Addresses, b: Addresses): boolean {
  return sameList(a.allow, b.allow) && sameList(a.deny, b.deny);
}

function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((range) => b.includes(range));
}

function forbidden(detail: string): Refusal {
  return new Refusal('forbidden', detail);
}
