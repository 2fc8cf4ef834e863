/** Whether the claims of a signed token tell all that a verdict needs. */
import type { Owner, Token } from '../model.ts';

/**
 * What is counted, what depends on an address, and what roles say is not in the claims: it may change, or is known to the server
 * alone. `ancestors`: the tokens that it descends from, which hold it back as they are held back.
 */
export function isSelfContained(
  token: Token,
  {
    owner,
    ancestors,
    isManagement,
  }: { readonly owner: Owner | undefined; readonly ancestors: readonly Token[]; readonly isManagement: boolean },
): boolean {
  if (isManagement || (owner !== undefined && (owner.roles.length > 0 || owner.quota !== null))) return false;
  return [token, ...ancestors].every(isFree);
}

function isFree({ kind, limits, quota, credits, ip }: Token): boolean {
  const isPersonal = kind === 'personal_access_token';
  const listed = (ip.allow?.length ?? 0) + (ip.deny?.length ?? 0);
  return !isPersonal && limits.length === 0 && quota === null && credits === null && listed === 0;
}
