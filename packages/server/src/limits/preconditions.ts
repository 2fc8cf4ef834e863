/** What every `take` of a limiter or of quotas relies on. A breach is a fault of the caller, and faults deny. */

/** @throws RangeError for a cost that is not a whole number from 1: a negative one would give back what was used */
export function requireCost(cost: number): void {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError(`a cost is a whole number from 1, not ${cost}`);
}

/** @throws Error where two rules share a key: each would be judged without what the other spends */
export function requireDistinctKeys(rules: readonly { readonly key: string }[]): void {
  // A request has few limits: comparing them all costs less than gathering their keys.
  for (let later = 1; later < rules.length; later += 1) {
    for (let earlier = 0; earlier < later; earlier += 1) {
      if (rules[earlier]?.key === rules[later]?.key) throw new Error('two limits of one request share a key');
    }
  }
}
