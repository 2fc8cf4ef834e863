/** Each of several nodes counts its share of a limit by itself, so that together they never pass more than the limit. */
import { type Concurrency, chain, type Limiter, type LimitRule, type LimitState } from '@tessera/verify';
import { GREATEST_WINDOW_SECONDS } from './gcra.ts';
import type { NodeShare } from './live-nodes.ts';

/**
 * A limiter that admits the share of `own` among `all` nodes: of pace and burst, rounded down. A limit of fewer requests than
 * nodes keeps its pace over a longer window, at most 31 days, and every node admits at least one request at once, so
 * that n nodes admit at once the burst or n requests, whichever is more. With one node it is the limiter itself.
 */
export function shareOfLimits(limiter: Limiter, share: () => NodeShare): Limiter {
  return {
    take(rules, cost, mode) {
      const now = share();
      if (now.own >= now.all) return limiter.take(rules, cost, mode);
      const shared = rules.map((rule) => shareOf(rule, now));
      return chain(limiter.take(shared, cost, mode), ({ allowed, states }) => ({
        allowed,
        states: states.map((state, index) => inWordsOf(rules[index], state)),
      }));
    },
  };
}

/** As {@link shareOfLimits}, for requests under way at once: of each limit the share, and at least one. */
export function shareOfPlaces(concurrency: Concurrency, share: () => NodeShare): Concurrency {
  return {
    take(rules, mode) {
      const { own, all } = share();
      if (own >= all) return concurrency.take(rules, mode);
      const shared = rules.map((rule) => ({ ...rule, limit: Math.max(1, Math.floor((rule.limit * own) / all)) }));
      return chain(concurrency.take(shared, mode), (outcome) => ({
        ...outcome,
        states: outcome.states.map((state, index) => ({ ...state, limit: rules[index]?.limit ?? state.limit })),
      }));
    },
  };
}

function shareOf(rule: LimitRule, { own, all }: NodeShare): LimitRule {
  const limit = Math.floor((rule.limit * own) / all);
  // Whoever asks for the least that the rule knows must be able to pass.
  const burst = Math.max(rule.cost, Math.floor((rule.burst * own) / all));
  if (limit > 0) return { ...rule, limit, burst };
  const windowSeconds = Math.ceil((rule.windowSeconds * all) / (rule.limit * own));
  return { ...rule, limit: 1, burst, windowSeconds: Math.min(GREATEST_WINDOW_SECONDS, windowSeconds) };
}

/** The caller knows the limit by what is written, and hears how this node stands. */
function inWordsOf(rule: LimitRule | undefined, state: LimitState): LimitState {
  return rule === undefined ? state : { ...state, limit: rule.limit, windowSeconds: rule.windowSeconds };
}
