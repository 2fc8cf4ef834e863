/**
 * Facts as they are kept: the parts that many tokens have in common once, all in one shape. Most of what a token is made of is
 * its api, its workspace, its scopes and its address ranges, and those are the same for thousands.
 */
import type { TokenFacts } from '../../ports.ts';

/** Parts that are remembered; where there are more, remembering starts anew. */
const MOST_PARTS = 10_000;

/** Gives equal facts, for keeping. */
export type Share = (facts: TokenFacts) => TokenFacts;

export function sharing(mostParts: number = MOST_PARTS): Share {
  const parts = new Map<string, unknown>();

  /** `key` must say everything that the part is. */
  const shared = <T>(name: string, part: T, key: unknown = part): T => {
    const text = name + JSON.stringify(key);
    const known = parts.get(text);
    // Nothing else is put under a text that starts with this name.
    if (known !== undefined) return known as T;
    if (parts.size >= mostParts) parts.clear();
    parts.set(text, part);
    return part;
  };

  return (facts) => {
    const {
      id,
      kind,
      name,
      workspace,
      owner,
      api,
      environment,
      scopes,
      expiresAt,
      secret,
      enabled,
      revokedAt,
      ...rest
    } = facts;
    // What few tokens have is kept as it is.
    const { notBefore, limits, quotas, addresses, boundKey, ...rare } = rest;
    return {
      id,
      kind,
      name,
      workspace: shared('workspace', workspace),
      owner: owner && shared('owner', owner),
      api: shared('api', api),
      environment,
      scopes: shared('scopes', scopes),
      expiresAt,
      secret,
      enabled,
      revokedAt,
      notBefore,
      // Their keys name the token.
      limits: limits.length === 0 ? NONE : limits,
      quotas: quotas.length === 0 ? NONE : quotas,
      addresses:
        addresses.length === 0 ? NONE : addresses.map((rule) => shared('addresses', rule, [rule.label, rule.lists])),
      boundKey,
      ...rare,
    };
  };
}

const NONE: readonly never[] = Object.freeze([]);
