/**
 * Children: tokens that somebody gives to an agent or a job, and that may do no more than the one they descend from, for no longer. What
 * a child may do is judged with what stands above it (`facts`); what can never be, is refused when it is asked for.
 */
import { expandManagementScopes } from '@tessera/contract';
import type { Api, Token } from '../model.ts';
import { invalid, Refusal } from '../refusal.ts';
import type { Reader } from '../store-port.ts';
import { isManagementApi } from './authority.ts';

/** Generations below the first. */
const MOST_GENERATIONS = 4;

/** What a child is asked to be; what is absent it has of its parent. */
export interface ChildWish {
  readonly parent?: string | undefined;
  readonly api?: string | undefined;
  readonly owner?: string | undefined;
  readonly env?: Token['environment'] | undefined;
  readonly boundKey?: string | undefined;
  readonly client?: string | undefined;
  readonly session?: string | undefined;
}

/** Throws where the token named may have no child now. An unknown one and another workspace's get the same answer. */
export async function parentOf(
  reader: Reader,
  { workspace, now }: { readonly workspace: string; readonly now: number },
  id: string,
): Promise<Token> {
  const found = await reader.token(workspace, id);
  if (found === undefined) throw invalid('/parent', 'no such token', 'unknown_reference');
  const { token } = found;
  const above = token.parent === null ? [] : await reader.ancestors(token.parent);
  if (above.length + 1 > MOST_GENERATIONS)
    throw new Refusal('conflict', `tokens descend from each other over ${MOST_GENERATIONS} generations at most`);
  for (const ancestor of [token, ...above]) {
    if (ancestor.scopes.includes('root')) throw new Refusal('forbidden', 'the root token has no children');
    if (ancestor.revokedAt !== null) throw new Refusal('conflict', 'the parent is revoked');
    if (!ancestor.enabled) throw new Refusal('conflict', 'the parent is disabled');
    if (ancestor.expiresAt !== null && ancestor.expiresAt <= now)
      throw new Refusal('conflict', 'the parent has expired');
  }
  return token;
}

/** What a child has of its parent. Throws `invalid_input` where something else is asked for. */
export function inherited(
  parent: Token,
  wish: ChildWish,
  api: Api,
): Pick<Token, 'owner' | 'environment' | 'boundKey' | 'client' | 'session'> {
  if (api.id !== parent.api) throw invalid('/api', 'must be that of the parent', 'beyond_parent');
  if (wish.owner !== undefined && wish.owner !== parent.owner)
    throw invalid('/owner', 'must be that of the parent', 'beyond_parent');
  if (wish.env !== undefined && wish.env !== parent.environment)
    throw invalid('/env', 'must be that of the parent', 'beyond_parent');
  if (parent.boundKey !== null && wish.boundKey !== undefined && wish.boundKey !== parent.boundKey)
    throw invalid('/boundKey', 'must be that of the parent', 'beyond_parent');
  return {
    owner: parent.owner,
    environment: parent.environment,
    boundKey: parent.boundKey ?? wish.boundKey ?? null,
    client: wish.client ?? parent.client,
    session: wish.session ?? parent.session,
  };
}

/** Throws `invalid_input` where a child would reach beyond its parent by scope or time. */
export function checkWithin(
  parent: Token,
  child: Pick<Token, 'scopes' | 'expiresAt'>,
  { api, pointer }: { readonly api: Api; readonly pointer: string },
): void {
  const held = isManagementApi(api) ? expandManagementScopes(parent.scopes) : parent.scopes;
  const beyond = child.scopes.findIndex((scope) => !held.includes(scope));
  if (beyond >= 0) throw invalid(`/scopes/${beyond}`, 'the parent does not hold this scope', 'beyond_parent');
  if (parent.expiresAt !== null && (child.expiresAt === null || child.expiresAt > parent.expiresAt))
    throw invalid(pointer, 'must not be after the end of the parent', 'beyond_parent');
}
