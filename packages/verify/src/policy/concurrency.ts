/** Requests under way at once: a place of each rule, held until the request is over. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { ConcurrencyOutcome, ConcurrencyRule } from '../ports.ts';
import { count, type Terms, UNLIMITED } from './counting.ts';

/** The detail of the refusal: its code is that of the rates. */
export const TOO_MANY_AT_ONCE = 'too many requests at once';

export function takePlaces(
  rules: readonly ConcurrencyRule[],
  { ports, mode }: Terms,
): MaybePromise<ConcurrencyOutcome> {
  if (rules.length === 0) return UNLIMITED;
  const { concurrency, local } = ports;
  return count<ConcurrencyRule, ConcurrencyOutcome>(
    {
      policy: 'concurrency',
      rules,
      take(all) {
        if (concurrency === undefined) throw new Error('a concurrency limit cannot be judged here: no port for it');
        return concurrency.take(all, mode);
      },
      local: local && ((some) => local.concurrency.take(some, mode)),
    },
    ports,
  );
}
