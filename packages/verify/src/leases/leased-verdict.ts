/** The verdict on a token whose limits are all counted here, once everything else has let it pass. */
import { fault } from '../fault.ts';
import { factsToWire } from '../lookups/facts-wire.ts';
import type { MaybePromise } from '../maybe-promise.ts';
import { type Counter, costOf, count } from '../policy/counting.ts';
import type { LimitRule, Ports, TokenFacts } from '../ports.ts';
import type { Asked } from '../requirement.ts';
import { allow, deny, type Verdict } from '../verdict.ts';
import type { LeasedLimits, LeasedOutcome } from './leased-limits.ts';

export interface LeasedParts {
  readonly leases: Pick<LeasedLimits, 'takeHeld' | 'take'>;
  readonly ports: Ports;
  /** The verdict of the server, which counts the request, too. */
  readonly exact: (facts: TokenFacts, asked: Asked) => Promise<Verdict>;
  /** Hears of each verdict that was made here. Must not throw. */
  readonly record: (allowed: boolean, facts: TokenFacts) => void;
}

/** Only for tokens that `isLeased` holds for. Never throws or rejects; where no share can be had, each limit's `onFault` decides. */
export function leasedVerdict(facts: TokenFacts, asked: Asked, parts: LeasedParts): MaybePromise<Verdict> {
  try {
    const outcome = parts.leases.takeHeld(facts, costOf(asked.circumstances));
    // Most requests: nothing else is made for them.
    if (outcome?.allowed === true) return verdictOf(outcome, facts, parts);
    const later = outcome === undefined ? afterAsking(facts, asked, parts) : applied(outcome, { facts, asked }, parts);
    return later instanceof Promise ? later.catch((error: unknown) => fault(error, parts.ports)) : later;
  } catch (error) {
    return fault(error, parts.ports);
  }
}

async function afterAsking(facts: TokenFacts, asked: Asked, parts: LeasedParts): Promise<Verdict> {
  const { leases, ports } = parts;
  const cost = costOf(asked.circumstances);
  const counter: Counter<LimitRule, LeasedOutcome> = {
    policy: 'limits',
    take: () => leases.take(facts, cost),
    local: (rules, { limiter }) => limiter.take(rules, cost, 'spend'),
  };
  const outcome = await count(counter, facts.limits, { ports, mode: 'spend', cost });
  // Much may have changed while the server was asked. Where the facts are no longer those that were judged, it judges.
  if (outcome.allowed && !isSame(facts, await ports.tokens.find(facts.secret.key))) return parts.exact(facts, asked);
  return applied(outcome, { facts, asked }, parts);
}

function applied(
  outcome: LeasedOutcome,
  { facts, asked }: { readonly facts: TokenFacts; readonly asked: Asked },
  parts: LeasedParts,
): MaybePromise<Verdict> {
  return outcome.exactly ? parts.exact(facts, asked) : verdictOf(outcome, facts, parts);
}

function verdictOf({ allowed, states }: LeasedOutcome, facts: TokenFacts, { record }: LeasedParts): Verdict {
  record(allowed, facts);
  return allowed ? allow(facts, states) : deny('rate_limited', { principal: facts, limits: states });
}

/** Facts that were looked up again are other objects, and their members may come in another order. */
function isSame(facts: TokenFacts, fresh: TokenFacts | undefined): boolean {
  return fresh === facts || (fresh !== undefined && textOf(fresh) === textOf(facts));
}

function textOf(facts: TokenFacts): string {
  return JSON.stringify(Object.entries(factsToWire(facts)).sort(([one], [other]) => (one < other ? -1 : 1)));
}
