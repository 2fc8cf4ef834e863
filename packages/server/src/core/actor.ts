/** The caller of a change, from the facts that the decision accepted. */
import type { TokenFacts } from '@tessera/verify';
import type { Actor } from './call.ts';
import { MANAGEMENT_AUDIENCE } from './tokens/facts.ts';

/** Scopes come expanded from the facts. What another api calls `admin` or `root` is nothing here. */
export function actorOf({ id, api, workspace, secret, owner, scopes, expiresAt }: TokenFacts): Actor {
  const isManagement = api.audience === MANAGEMENT_AUDIENCE;
  return {
    token: id,
    home: workspace.id,
    secret: secret.key,
    owner: owner?.id ?? null,
    scopes,
    isRoot: isManagement && scopes.includes('root'),
    isAdmin: isManagement && scopes.includes('admin'),
    expiresAt,
  };
}
