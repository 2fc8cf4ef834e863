/** Step 4: address, kinds and roles, concurrency, rates, quotas and credits; of the token, its owner's roles and the asker. */
import type { Authorized } from './authorization.ts';
import { holding } from './held.ts';
import { chain, type MaybePromise } from './maybe-promise.ts';
import { refusedByAddress } from './policy/address.ts';
import { TOO_MANY_AT_ONCE, takePlaces } from './policy/concurrency.ts';
import type { Terms } from './policy/counting.ts';
import { takeQuotas } from './policy/quotas.ts';
import { takeLimits } from './policy/rates.ts';
import { refusedByRule } from './policy/rules.ts';
import { limitsOf, placesOf, quotasOf } from './policy/rules-of.ts';
import { judgeShadow } from './policy/shadow.ts';
import type { LimitOutcome, Ports, TokenFacts } from './ports.ts';
import type { Asked, Requirement } from './requirement.ts';
import { allow, deny, type LimitState, type Verdict } from './verdict.ts';

/**
 * The order in which policies are judged: what costs nothing first, what costs durable money last. A place of a
 * concurrency limit is given back where a later policy refuses. A rate is not: it is what keeps those whose quota is used
 * up from asking the store again and again.
 */
export const policyOrder = ['address', 'rules', 'concurrency', 'limits', 'quotas'] as const;

export function policy({ facts }: Authorized, asked: Asked, ports: Ports): MaybePromise<Verdict> {
  const { requirement, circumstances } = asked;
  const refusal = refusedByAddress(facts, asked) ?? refusedByRule(facts, requirement);
  if (refusal !== undefined) return refusal;
  if (isUncounted(facts, requirement)) return allow(facts, NONE);
  const terms: Terms = { circumstances, ports, mode: 'spend' };
  if (requirement.concurrency.length === 0) return spend(facts, asked, terms);
  return chain(takePlaces(placesOf(facts, asked), terms), ({ allowed, states, release }) => {
    if (!allowed) return deny('rate_limited', { principal: facts, limits: states, detail: TOO_MANY_AT_ONCE });
    return holding(release && { end: release }, () => spend(facts, asked, terms));
  });
}

const NONE: readonly never[] = Object.freeze([]);

/** Most requests: their verdict is made without another step. */
function isUncounted(facts: TokenFacts, asked: Requirement): boolean {
  if (facts.limits.length > 0 || facts.quotas.length > 0 || facts.shadow !== undefined) return false;
  if (asked.limits.length > 0 || asked.quotas.length > 0 || asked.shadow !== undefined) return false;
  return asked.concurrency.length === 0;
}

/** Rates are judged before quotas, because a refused request may cost a rate but never a paid quota. */
function spend(facts: TokenFacts, asked: Asked, terms: Terms): MaybePromise<Verdict> {
  const rates = takeLimits(limitsOf(facts, asked), terms);
  // Not chained: a verdict on limits alone, counted in memory, is made without a closure.
  return rates instanceof Promise
    ? rates.then((later) => afterRates(later, { facts, asked, terms }))
    : afterRates(rates, { facts, asked, terms });
}

interface Spending {
  readonly facts: TokenFacts;
  readonly asked: Asked;
  readonly terms: Terms;
}

function afterRates(rates: LimitOutcome, { facts, asked, terms }: Spending): MaybePromise<Verdict> {
  if (!rates.allowed) return deny('rate_limited', { principal: facts, limits: rates.states });
  const rules = quotasOf(facts, asked);
  const isShadowed = asked.requirement.shadow !== undefined || facts.shadow !== undefined;
  if (rules.length === 0 && !isShadowed) return allow(facts, rates.states);
  return chain(takeQuotas(rules, terms), ({ allowed, states, detail, refund }): MaybePromise<Verdict> => {
    const limits = join(rates.states, states);
    if (!allowed) return deny('quota_exceeded', { principal: facts, limits, detail });
    const held = refund && { end: (how: 'keep' | 'refund') => (how === 'refund' ? refund() : undefined) };
    const verdict = allow(facts, limits, held);
    if (!isShadowed) return verdict;
    return holding(held, () => chain(judgeShadow(facts, asked, terms), (shade): Verdict => ({ ...verdict, ...shade })));
  });
}

function join(first: readonly LimitState[], second: readonly LimitState[]): readonly LimitState[] {
  return second.length === 0 ? first : [...first, ...second];
}
