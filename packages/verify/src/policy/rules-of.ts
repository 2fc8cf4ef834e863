/** Which counted rules hold for a request: the token's own first, then the asker's with the key of this caller's counter. */
import type { BudgetRule, ConcurrencyRule, LimitRule, TokenFacts } from '../ports.ts';
import type { Asked } from '../requirement.ts';
import { keyed } from './counting.ts';

export function limitsOf(facts: TokenFacts, { requirement, circumstances }: Asked): readonly LimitRule[] {
  if (requirement.limits.length === 0) return facts.limits;
  return [...facts.limits, ...keyed(requirement.limits, facts, circumstances)];
}

export function quotasOf(facts: TokenFacts, { requirement, circumstances }: Asked): readonly BudgetRule[] {
  if (requirement.quotas.length === 0) return facts.quotas;
  return [...facts.quotas, ...keyed(requirement.quotas, facts, circumstances)];
}

export function placesOf(facts: TokenFacts, { requirement, circumstances }: Asked): readonly ConcurrencyRule[] {
  return keyed(requirement.concurrency, facts, circumstances);
}
