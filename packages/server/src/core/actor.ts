/** The caller of a change, from the facts that the decision accepted. */
import type { TokenFacts } from '@tessera/verify';
import type { Actor } from './call.ts';

/** Scopes come expanded from the facts. */
export function actorOf({ id, workspace, secret, owner, scopes, expiresAt }: TokenFacts): Actor {
  return {
    token: id,
    home: workspace.id,
    secret: secret.key,
    owner: owner?.id ?? null,
    scopes,
    isRoot: scopes.includes('root'),
    isAdmin: scopes.includes('admin'),
    expiresAt,
  };
}
