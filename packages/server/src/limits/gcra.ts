/**
 * GCRA, the generic cell rate algorithm, in whole numbers: what a counter holds, what it admits and how it stands.
 *
 * A request of cost 1 adds `windowMs` to the backlog of its counter and each millisecond takes `limit` away, so nothing
 * is ever rounded: in any stretch of t at most burst + floor(t * limit / window) requests pass, to the request.
 * With the greatest rule, burst * windowMs is 1e6 * 2,678,400,000 < 2.7e15, and no sum here has more than two such
 * terms: all of it stays below 2^53, where a number counts exactly, and the quotient of two is never rounded to or past a
 * whole number.
 */
import type { LimitRule, LimitState } from '@tessera/verify';

/** What one key has used. Written in place, since one is touched by every request. */
export interface Counter {
  readonly key: string;
  /** Where it stands among those that are kept; -1 while it is not. */
  place: number;
  /** From 0, wholly unused, to burst * windowMs, used up. */
  backlog: number;
  /** The time up to which the backlog is drained, in milliseconds. */
  at: number;
  limit: number;
  windowMs: number;
  burst: number;
  /** The cost that was asked for last: a counter that would refuse it again is blocked. */
  asked: number;
}

const GREATEST_COUNT = 1_000_000;
/** 31 days. */
export const GREATEST_WINDOW_SECONDS = 2_678_400;

/** @throws RangeError for a rule that this arithmetic is not exact for */
export function newCounter(rule: LimitRule, now: number): Counter {
  requireExact(rule);
  const { key, limit, burst } = rule;
  return { key, place: -1, backlog: 0, at: now, limit, windowMs: rule.windowSeconds * 1000, burst, asked: 0 };
}

/**
 * Drains the counter up to `now`, at the pace it had, and lets it follow the rule where that was edited since.
 *
 * @throws RangeError for a rule that this arithmetic is not exact for
 */
export function settle(counter: Counter, rule: LimitRule, now: number): void {
  requireWhole(rule.cost, GREATEST_COUNT);
  counter.backlog = backlogAt(counter, now);
  counter.at = now;
  const windowMs = rule.windowSeconds * 1000;
  if (counter.limit === rule.limit && counter.windowMs === windowMs && counter.burst === rule.burst) return;
  requireExact(rule);
  // What was used stays used, in requests: a part of one counts as a whole, and a smaller burst is used up at most.
  if (counter.windowMs !== windowMs) counter.backlog = Math.ceil(counter.backlog / counter.windowMs) * windowMs;
  counter.backlog = Math.min(counter.backlog, rule.burst * windowMs);
  counter.limit = rule.limit;
  counter.windowMs = windowMs;
  counter.burst = rule.burst;
  counter.asked = Math.min(counter.asked, rule.burst);
}

/** Whether requests of this cost pass, of a settled counter. A cost above the burst never does. */
export function admits(counter: Counter, cost: number): boolean {
  return cost <= counter.burst && counter.backlog + cost * counter.windowMs <= counter.burst * counter.windowMs;
}

/** Only of what {@link admits} let pass. */
export function spend(counter: Counter, cost: number): void {
  counter.backlog += cost * counter.windowMs;
}

/** How a settled counter stands after a request of this cost was admitted by it or refused. */
export function stateOf(counter: Counter, rule: LimitRule, refusedCost: number | undefined): LimitState {
  const perSecond = counter.limit * 1000;
  const resetSeconds = Math.ceil(counter.backlog / perSecond);
  return {
    name: rule.name,
    limit: rule.limit,
    windowSeconds: rule.windowSeconds,
    remaining: Math.floor((counter.burst * counter.windowMs - counter.backlog) / (counter.windowMs * rule.cost)),
    resetSeconds,
    retryAfterSeconds: refusedCost === undefined ? 0 : retryAfter(counter, refusedCost, resetSeconds),
  };
}

/** The backlog as time has drained it, from 0 to burst * windowMs; the counter stays as it is. */
export function backlogAt(counter: Counter, now: number): number {
  // Beyond 2^53 the product is rounded, and then greater than any backlog all the same.
  const drained = (now - counter.at) * counter.limit;
  return drained < counter.backlog ? counter.backlog - drained : 0;
}

/** Whether it would refuse again what it was asked last. */
export function isBlocked(counter: Counter, now: number): boolean {
  return backlogAt(counter, now) + counter.asked * counter.windowMs > counter.burst * counter.windowMs;
}

function retryAfter(counter: Counter, cost: number, resetSeconds: number): number {
  // No time is right for what never passes; with the counter unused at least every smaller request would.
  if (cost > counter.burst) return Math.max(1, resetSeconds);
  const excess = counter.backlog + cost * counter.windowMs - counter.burst * counter.windowMs;
  return Math.max(1, Math.ceil(excess / (counter.limit * 1000)));
}

function requireExact(rule: LimitRule): void {
  requireWhole(rule.limit, GREATEST_COUNT);
  requireWhole(rule.burst, GREATEST_COUNT);
  requireWhole(rule.cost, GREATEST_COUNT);
  requireWhole(rule.windowSeconds, GREATEST_WINDOW_SECONDS);
}

function requireWhole(value: number, greatest: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= greatest) return;
  throw new RangeError(`a rate limit needs whole numbers from 1 to ${greatest}, not ${value}`);
}
