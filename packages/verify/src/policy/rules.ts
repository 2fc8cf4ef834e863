/** The kinds of token that are admitted, and the roles that the owner must have. */
import type { TokenFacts } from '../ports.ts';
import type { Requirement } from '../requirement.ts';
import { type Deny, deny } from '../verdict.ts';

export function refusedByRule(facts: TokenFacts, asked: Requirement): Deny | undefined {
  if (asked.kinds.length > 0 && !asked.kinds.includes(facts.kind)) {
    return deny('policy_denied', { principal: facts, detail: `kind ${facts.kind} is not admitted` });
  }
  // Most requirements name none, and then nothing is made to look for them.
  if (asked.roles.length === 0) return undefined;
  const lacking = asked.roles.find((name) => !facts.owner?.roles.some((role) => role === name));
  return lacking === undefined
    ? undefined
    : deny('policy_denied', { principal: facts, detail: `the owner lacks the role ${lacking}` });
}
