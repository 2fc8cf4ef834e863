/** Which facts a change may make other ones: whoever keeps facts drops those, and need not drop more. */
import type { TokenFacts } from './ports.ts';

/** Ids of the tokens whose changes concern facts: the token itself and those that it descends from. */
export function lineOf({ id, parents }: Pick<TokenFacts, 'id' | 'parents'>): readonly string[] {
  return parents === undefined ? [id] : [id, ...parents];
}

/** A change as the feed tells it. */
export interface ChangeOfFacts {
  readonly workspace: string;
  /** `token.revoked`, `owner.disabled` and so on. */
  readonly kind: string;
  readonly id: string;
}

/** Whether facts may be other ones after a change. One of a kind that is not known here concerns all of its workspace. */
export function concerns({ kind, id, workspace }: ChangeOfFacts, facts: TokenFacts): boolean {
  if (facts.workspace.id !== workspace) return false;
  // What is new stands behind nothing that was read before.
  if (kind.endsWith('.created')) return false;
  if (kind.startsWith('token.')) return facts.id === id || facts.parents?.includes(id) === true;
  if (kind.startsWith('owner.')) return facts.owner?.id === id;
  if (kind.startsWith('api.')) return facts.api.id === id;
  if (kind.startsWith('issuer.')) return facts.foreign?.trust === id;
  if (kind.startsWith('client.')) return facts.client === id;
  if (kind.startsWith('session.')) return facts.session === id;
  if (kind.startsWith('key.')) return facts.kid === id;
  // Facts hold the names of roles, and a name may be what changed.
  if (kind.startsWith('role.')) return (facts.owner?.roles.length ?? 0) > 0;
  return true;
}
