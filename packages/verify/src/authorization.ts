/** Step 3: the token's scopes cover the requirement. */
import type { TokenFacts } from './ports.ts';
import type { Requirement } from './requirement.ts';
import type { Validated } from './validation.ts';
import { type Deny, deny } from './verdict.ts';

declare const brand: unique symbol;

/** A valid token that may do what is asked. Only this step makes one. */
export interface Authorized {
  readonly valid: true;
  readonly facts: TokenFacts;
  readonly [brand]: 'Authorized';
}

export function authorization(validated: Validated, asked: Requirement): Authorized | Deny {
  // The same value, of which more is proved now.
  return refusedByScopes(validated.facts, asked) ?? (validated as { valid: true; facts: TokenFacts } as Authorized);
}

/**
 * Scopes are compared exactly: no wildcard, no prefix, no case folding, so that what is granted is what is written. `some`
 * and not `includes`, which would find a part of a text where a store hands out one text instead of a list.
 */
export function refusedByScopes(facts: TokenFacts, asked: Requirement): Deny | undefined {
  const isMissing = (scope: string): boolean => !facts.scopes.some((granted) => granted === scope);
  // Nearly every request lacks none: no list is made to find that out.
  if (!asked.scopes.some(isMissing)) return undefined;
  const missing = asked.scopes.filter(isMissing);
  return deny('insufficient_scope', {
    principal: facts,
    missingScopes: missing,
    detail: `missing scope: ${missing.join(' ')}`,
  });
}
