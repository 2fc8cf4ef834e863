/**
 * Shares of approximate limits, for verifiers that let requests pass by themselves.
 *
 * A share is no record: it is spent from the limit's counter in one step, like a request, and drains as one does. So nothing can be
 * given twice, nothing is left of a verifier that died, and however many shares there are, they take no memory. What is granted may
 * pass until it ends, S seconds after it was counted. Therefore, of all requests together: no more ever pass than were counted, and in
 * any t seconds at most burst + floor((t + S) * limit / window) pass.
 */
import {
  condition,
  type DigestKey,
  type Limiter,
  type LimitRule,
  type LimitState,
  type Ports,
  requirement,
} from '@tessera/verify';
import { notFound } from './refusal.ts';

export interface LeaseAsked {
  readonly workspace: string;
  readonly digest: DigestKey;
  /** Name of a limit of the token. */
  readonly limit: string;
  /** Requests of cost 1. */
  readonly want: number;
  /** So many or none; at most `want`. */
  readonly atLeast: number;
}

export interface Lease {
  /** 0: refused, and `state` tells for how long. */
  readonly granted: number;
  readonly seconds: number;
  readonly state: LimitState;
}

/** Throws `not_found` where an exact verdict must be asked for: also for a token that no longer passes. */
export async function takeLease(
  asked: LeaseAsked,
  { tokens, limiter, clock }: Pick<Ports, 'tokens' | 'limiter' | 'clock'>,
): Promise<Lease> {
  const { workspace, digest, limit, want, atLeast } = asked;
  const facts = await tokens.find(digest);
  const passes = facts !== undefined && condition(facts, requirement({ workspace }), clock.now()) === undefined;
  const [rule, other] = passes ? facts.limits.filter(({ name }) => name === limit) : [];
  // A limit of its own may be called as one of a parent is told: which of them is meant, only the token's own verdict can tell.
  if (rule?.mode !== 'approximate' || other !== undefined) throw notFound('approximate limit of a token that passes');
  // Of the counter itself, where this node has a share of its own: what is taken from that would end later than it should.
  const counted: LimitRule = { ...rule, mode: 'exact' };
  return { ...(await share(counted, { want, atLeast }, limiter)), seconds: shareSeconds(rule) };
}

/** How long a share may be spent: what passes late is at most a tenth of a window late, and for short windows a second. */
export function shareSeconds({ windowSeconds }: LimitRule): number {
  return Math.min(10, Math.max(1, Math.floor(windowSeconds / 10)));
}

async function share(
  rule: LimitRule,
  { want, atLeast }: Pick<LeaseAsked, 'want' | 'atLeast'>,
  limiter: Limiter,
): Promise<Omit<Lease, 'seconds'>> {
  const take = async (mode: 'peek' | 'spend', cost: number) => {
    const { allowed, states } = await limiter.take([rule], cost, mode);
    const [state] = states;
    if (state === undefined) throw new Error(`the limiter says nothing of ${rule.key}`);
    return { allowed, state };
  };
  const peeked = await take('peek', atLeast);
  if (!peeked.allowed) return { granted: 0, state: peeked.state };
  // Half, so that who comes first does not hold what all others need.
  const amount = Math.max(atLeast, Math.min(want, Math.ceil(peeked.state.remaining / 2)));
  const taken = await take('spend', amount);
  if (taken.allowed) return { granted: amount, state: taken.state };
  // Others took it meanwhile.
  const least = await take('spend', atLeast);
  return { granted: least.allowed ? atLeast : 0, state: least.state };
}
