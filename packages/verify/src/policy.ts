/** Step 4: address, admitted kinds and roles, rate limits, quotas; of the token, its owner's roles and the asker. */
import type { AddressRule } from './addresses.ts';
import type { Authorized } from './authorization.ts';
import { chain, type MaybePromise } from './maybe-promise.ts';
import type { LimitOutcome, LimitRule, Ports, QuotaRule, TokenFacts } from './ports.ts';
import { type Circumstances, counterKey, type Requirement } from './requirement.ts';
import { type Deny, deny, type LimitState, type Verdict } from './verdict.ts';

type Asked = { readonly requirement: Requirement; readonly circumstances: Circumstances };

const UNLIMITED: LimitOutcome = Object.freeze({ allowed: true, states: Object.freeze([]) });

/**
 * Rates are judged before quotas, because a refused request may cost a rate but never a paid quota.
 * Nothing is spent by a request that an address or rule refuses.
 */
export function policy(authorized: Authorized, asked: Asked, ports: Ports): MaybePromise<Verdict> {
  const { facts } = authorized;
  const refusal = refusedByAddress(facts, asked) ?? refusedByRule(facts, asked.requirement);
  if (refusal !== undefined) return refusal;
  return chain(takeLimits(facts, asked, ports, 'spend'), (rates) => {
    if (!rates.allowed) return deny('rate_limited', { principal: facts, limits: rates.states });
    return chain(takeQuotas(facts, asked, ports, 'spend'), (quotas): Verdict => {
      const limits = join(rates.states, quotas.states);
      if (!quotas.allowed) return deny('quota_exceeded', { principal: facts, limits });
      return { valid: true, code: 'ok', principal: facts, limits };
    });
  });
}

/** Every rule must let the address pass; the first that does not is named. */
export function refusedByAddress(facts: TokenFacts, { requirement, circumstances }: Asked): Deny | undefined {
  const detail =
    firstRefusal(facts.addresses, circumstances.address) ?? firstRefusal(requirement.addresses, circumstances.address);
  return detail === undefined ? undefined : deny('ip_denied', { principal: facts, detail });
}

function firstRefusal(rules: readonly AddressRule[], address: string | undefined): string | undefined {
  for (const rule of rules) {
    const detail = rule.refuses(address);
    if (detail !== undefined) return detail;
  }
  return undefined;
}

export function refusedByRule(facts: TokenFacts, asked: Requirement): Deny | undefined {
  if (asked.kinds.length > 0 && !asked.kinds.includes(facts.kind)) {
    return deny('policy_denied', { principal: facts, detail: `kind ${facts.kind} is not admitted` });
  }
  const lacking = asked.roles.find((name) => !facts.owner?.roles.some((role) => role === name));
  return lacking === undefined
    ? undefined
    : deny('policy_denied', { principal: facts, detail: `the owner lacks the role ${lacking}` });
}

/** All limits in one step, so that a request is counted by all of them or by none. */
export function takeLimits(
  facts: TokenFacts,
  asked: Asked,
  ports: Ports,
  mode: 'spend' | 'peek',
): MaybePromise<LimitOutcome> {
  const required = asked.requirement.limits;
  if (facts.limits.length === 0 && required.length === 0) return UNLIMITED;
  const rules: readonly LimitRule[] =
    required.length === 0
      ? facts.limits
      : [
          ...facts.limits,
          ...required.map((rule) => ({ ...rule, key: counterKey(rule, facts, asked.circumstances.address) })),
        ];
  return ports.limiter.take(rules, costOf(asked.circumstances), mode);
}

export function takeQuotas(
  facts: TokenFacts,
  asked: Asked,
  ports: Ports,
  mode: 'spend' | 'peek',
): MaybePromise<LimitOutcome> {
  const required = asked.requirement.quotas;
  if (facts.quotas.length === 0 && required.length === 0) return UNLIMITED;
  if (ports.quotas === undefined) throw new Error('a quota cannot be judged here: no port for quotas');
  const own: readonly QuotaRule[] = facts.quotas;
  const rules = [
    ...own,
    ...required.map((rule) => ({ ...rule, key: counterKey(rule, facts, asked.circumstances.address) })),
  ];
  return ports.quotas.take(rules, costOf(asked.circumstances), mode);
}

/** A cost below 1 would give back what was spent. */
function costOf({ cost }: Circumstances): number {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError('a cost is a whole number from 1');
  return cost;
}

function join(first: readonly LimitState[], second: readonly LimitState[]): readonly LimitState[] {
  return second.length === 0 ? first : [...first, ...second];
}
