/** Requests under way at once: a place of each rule, held until the request is over. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { ConcurrencyOutcome, ConcurrencyRule } from '../ports.ts';
import { type Counter, count, type Terms, UNLIMITED } from './counting.ts';

/** The detail of the refusal: its code is that of the rates. */
export const TOO_MANY_AT_ONCE = 'too many requests at once';

const PLACES: Counter<ConcurrencyRule, ConcurrencyOutcome> = {
  policy: 'concurrency',
  take(rules, { ports, mode }) {
    if (ports.concurrency === undefined) throw new Error('a concurrency limit cannot be judged here: no port for it');
    return ports.concurrency.take(rules, mode);
  },
  local: (rules, { concurrency }, { mode }) => concurrency.take(rules, mode),
};

/** Whatever a request costs, it is one. */
export function takePlaces(
  rules: readonly ConcurrencyRule[],
  { ports, mode }: Terms,
): MaybePromise<ConcurrencyOutcome> {
  if (rules.length === 0) return UNLIMITED;
  return count(PLACES, rules, { ports, mode, cost: 1 });
}
