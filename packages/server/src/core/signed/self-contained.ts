/** Whether the claims of a signed token tell all that a verdict needs. */
import type { Api, Owner, Token, Workspace } from '../model.ts';
import { isManagementApi } from '../tokens/authority.ts';
import { definesScope } from '../tokens/facts.ts';

/** What stands behind a token as it is signed. */
export interface Behind {
  readonly workspace: Workspace | undefined;
  readonly api: Api;
  readonly owner: Owner | undefined;
  /** The tokens that it descends from, which hold it back as they are held back. */
  readonly ancestors: readonly Token[];
}

/**
 * What is counted, what depends on an address, and what roles say is not in the claims: it may change, or is known to the server
 * alone. And what holds the token back by now is in its facts, but not in what it is signed to say.
 */
export function isSelfContained(token: Token, { workspace, api, owner, ancestors }: Behind): boolean {
  if (workspace?.enabled !== true || isManagementApi(api)) return false;
  if (owner !== undefined && (!owner.enabled || owner.roles.length > 0 || owner.quota !== null)) return false;
  if (!token.scopes.every((scope) => definesScope(api, scope))) return false;
  // What names the parent stands in its claims where no client does (see `claimsOf`).
  if (token.client !== null && (token.client === token.parent || token.client === token.id)) return false;
  return [token, ...ancestors].every(isFree) && ancestors.every((ancestor) => isWithin(token, ancestor));
}

function isFree({ kind, enabled, revokedAt, limits, quota, credits, ip }: Token): boolean {
  const isPersonal = kind === 'personal_access_token';
  const listed = (ip.allow?.length ?? 0) + (ip.deny?.length ?? 0);
  const isAlive = enabled && revokedAt === null;
  return isAlive && !isPersonal && limits.length === 0 && quota === null && credits === null && listed === 0;
}

function isWithin({ scopes, expiresAt }: Token, ancestor: Token): boolean {
  const isInTime = ancestor.expiresAt === null || (expiresAt !== null && expiresAt <= ancestor.expiresAt);
  return isInTime && ancestor.notBefore === null && scopes.every((scope) => ancestor.scopes.includes(scope));
}
