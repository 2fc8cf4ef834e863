/** Requests under way at once, counted in the memory of this process: exact, all or nothing, gone when nobody is under way. */
import type { Concurrency, ConcurrencyRule, LimitState } from '@tessera/verify';
import { once } from './once.ts';
import { requireDistinctKeys } from './preconditions.ts';

/**
 * Places of one process, counted in one of its threads: several processes each have as many. A key is kept only while somebody holds a place of it, so
 * that there are never more of them than requests under way.
 *
 * @throws Error from `take` where two rules share a key
 */
export function memoryConcurrency(): Concurrency {
  const held = new Map<string, number>();

  const free = ({ key }: ConcurrencyRule): void => {
    const left = (held.get(key) ?? 0) - 1;
    if (left > 0) held.set(key, left);
    else held.delete(key);
  };

  return {
    take(rules, mode) {
      requireDistinctKeys(rules);
      const allowed = rules.every(({ key, limit }) => (held.get(key) ?? 0) < limit);
      const taken = allowed && mode === 'spend';
      if (taken) for (const { key } of rules) held.set(key, (held.get(key) ?? 0) + 1);
      // Places that are free say nothing of the next request; only a refusal tells how they stand.
      const states = allowed ? NONE : rules.map((rule) => stateOf(rule, held.get(rule.key) ?? 0));
      return { allowed, states, release: taken ? once(() => rules.forEach(free)) : undefined };
    },
  };
}

const NONE: readonly LimitState[] = Object.freeze([]);

/** When a place becomes free nobody knows: a second is soon, and no flood. */
const RETRY_SECONDS = 1;

function stateOf({ name, limit }: ConcurrencyRule, used: number): LimitState {
  return {
    name,
    limit,
    windowSeconds: 0,
    remaining: Math.max(0, limit - used),
    resetSeconds: RETRY_SECONDS,
    retryAfterSeconds: used < limit ? 0 : RETRY_SECONDS,
  };
}
