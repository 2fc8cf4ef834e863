/**
 * Limits in `mode: approximate`: what another limiter counts is taken from it in shares, and spent here without asking. A share
 * is counted when it is given, and ends a second after it was asked for whether it was spent or not. So in any t seconds at
 * most burst + floor((t + 1) * limit / window) requests pass, over all who take shares of the same counter.
 */
import {
  chain,
  type Limiter,
  type LimitOutcome,
  type LimitRule,
  type LimitState,
  type MaybePromise,
} from '@tessera/verify';
import { LRUCache } from 'lru-cache';

export interface GivenSharesOptions {
  /** Counts for all; rules in other modes are asked of it each time. */
  readonly limiter: Limiter;
  /** Milliseconds that go on while the process is paused. */
  readonly monotonic: () => number;
  /** Keys with a share at once, default 100,000, some 20 MB; a share that makes room is lost. */
  readonly maxKeys?: number;
}

/** Milliseconds. */
export const SHARE_LASTS = 1000;
/** Nobody takes more of what is left at once: others want some of it, and what is not spent is lost. */
const PART_OF_THE_REST = 8;
/** Milliseconds after which an answer does not come any more. */
const ASKING_LASTS = 500;

/** Of one key; written in place, since requests come in thousands. */
interface Share {
  /** What may be spent, in the costs of the rule. */
  left: number;
  until: number;
  /** For how many requests a share is asked for next. */
  size: number;
  /** Until then another request asks for a share, and the others for themselves alone. */
  askedUntil: number;
  /** How the counter stood when the share was given. */
  state: LimitState | undefined;
}

/** A rule of a request; without a share it is asked for each time. */
interface Part {
  readonly rule: LimitRule;
  readonly share: Share | undefined;
  /** How its counter stood when this request was counted; undefined: it is not yet. */
  state: LimitState | undefined;
}

/** A `peek` tells of a share what is left here, and of all else how the counter stands. */
export function givenShares({ limiter, monotonic, maxKeys = 100_000 }: GivenSharesOptions): Limiter {
  const shares = new LRUCache<string, Share>({ max: maxKeys });

  function shareOf({ key }: LimitRule): Share {
    const known = shares.get(key);
    if (known !== undefined) return known;
    const share: Share = { left: 0, until: 0, size: 1, askedUntil: 0, state: undefined };
    shares.set(key, share);
    return share;
  }

  /** Has counted what is not here, and then spends what is: nothing is taken out for a request that does not pass. */
  function spend(parts: readonly Part[], cost: number): MaybePromise<LimitOutcome> {
    const now = monotonic();
    const missing = parts.filter((part) => part.state === undefined && !isHere(part, cost, now));
    // While it was asked, others may have spent what was here: then that is asked for, too.
    if (missing.length > 0)
      return chain(buy(missing, cost, now), (outcome) => (outcome.allowed ? spend(parts, cost) : outcome));
    const states = parts.map((part) => {
      const { rule, share, state } = part;
      if (state !== undefined || share === undefined) return state ?? unknownState(rule);
      share.left -= cost * rule.cost;
      return stateHere(part);
    });
    return { allowed: true, states };
  }

  /** Has all of them counted in one step: a share of each where nobody asks for one, else for this request alone. */
  function buy(missing: readonly Part[], cost: number, now: number): MaybePromise<LimitOutcome> {
    const sizes = missing.map(({ rule, share }) => {
      if (share === undefined || now < share.askedUntil) return undefined;
      // A share that ended with something left was too large.
      if (now >= share.until && share.left > 0) share.size = Math.floor(share.size / 2);
      share.askedUntil = now + ASKING_LASTS;
      return Math.max(1, Math.min(share.size, Math.floor(rule.burst / (rule.cost * cost))));
    });
    return chain(count(missing, sizes, cost), (outcome): MaybePromise<LimitOutcome> => {
      for (const [index, { rule, share }] of missing.entries()) {
        const size = sizes[index];
        if (share === undefined || size === undefined) continue;
        share.askedUntil = 0;
        share.size = 1;
        if (!outcome.allowed) continue;
        share.left = (size - 1) * cost * rule.cost;
        share.until = now + SHARE_LASTS;
        share.state = outcome.states[index];
        const rest = Math.floor((share.state?.remaining ?? 0) / cost / PART_OF_THE_REST);
        share.size = Math.max(1, Math.min(2 * size, rest));
      }
      const asksTooMuch = !outcome.allowed && sizes.some((size) => size !== undefined && size > 1);
      return asksTooMuch ? count(missing, [], cost) : outcome;
    });
  }

  /** @param sizes for how many requests; undefined: this one */
  function count(
    parts: readonly Part[],
    sizes: readonly (number | undefined)[],
    cost: number,
  ): MaybePromise<LimitOutcome> {
    const rules = parts.map(({ rule }, index) => ({ ...rule, cost: rule.cost * (sizes[index] ?? 1) }));
    return chain(limiter.take(rules, cost, 'spend'), ({ allowed, states: told }) => {
      const states = told.map((state, index) => ({ ...state, remaining: state.remaining * (sizes[index] ?? 1) }));
      if (allowed) for (const [index, part] of parts.entries()) part.state = states[index];
      return { allowed, states };
    });
  }

  return {
    take(rules, cost, mode) {
      if (!rules.some(isApproximate)) return limiter.take(rules, cost, mode);
      const parts = rules.map((rule): Part => {
        return { rule, share: isApproximate(rule) ? shareOf(rule) : undefined, state: undefined };
      });
      if (mode === 'spend') return spend(parts, cost);
      const now = monotonic();
      const missing = parts.filter((part) => !isHere(part, cost, now));
      const asked = missing.map(({ rule }) => rule);
      const told = asked.length === 0 ? PASSES : limiter.take(asked, cost, mode);
      return chain(told, ({ allowed, states }) => ({
        allowed,
        states: parts.map((part) => states[missing.indexOf(part)] ?? stateHere(part)),
      }));
    },
  };
}

const PASSES: LimitOutcome = Object.freeze({ allowed: true, states: Object.freeze([]) });

function isApproximate({ mode }: LimitRule): boolean {
  return mode === 'approximate';
}

function isHere({ rule, share }: Part, cost: number, now: number): boolean {
  return share !== undefined && now < share.until && share.left >= cost * rule.cost;
}

/** Of a rule whose counter told nothing, which none does. */
function unknownState({ name, limit, windowSeconds }: LimitRule): LimitState {
  return { name, limit, windowSeconds, remaining: 0, resetSeconds: windowSeconds, retryAfterSeconds: 0 };
}

/** What the counter had left when the share was given, and what is left of the share. */
function stateHere({ rule, share }: Part): LimitState {
  const state = share?.state ?? unknownState(rule);
  return { ...state, remaining: state.remaining + Math.floor((share?.left ?? 0) / rule.cost), retryAfterSeconds: 0 };
}
