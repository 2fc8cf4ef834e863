/** A clock that is set by hand, and rules with their usual parts filled in. */
import type { LimitOutcome, LimitRule } from '@tessera/verify';

export const START = Date.UTC(2026, 10, 22, 10, 0, 0);

export function handClock(time = START) {
  const clock = { time, now: () => clock.time };
  return clock;
}

export function rule(parts: Partial<LimitRule> = {}): LimitRule {
  const limit = parts.limit ?? 100;
  return { key: 'tok_1|default', name: 'default', limit, windowSeconds: 60, burst: limit, cost: 1, ...parts };
}

/** The outcome of a limiter that answers at once. */
export function now(outcome: LimitOutcome | Promise<LimitOutcome>): LimitOutcome {
  if (outcome instanceof Promise) throw new TypeError('the limiter of this process answers at once');
  return outcome;
}
