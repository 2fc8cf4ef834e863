/** What every `take` of a limiter or of quotas relies on. A breach is a fault of the caller, and faults deny. */

/** @throws RangeError for a cost that is not a whole number from 1: a negative one would give back what was used */
export function requireCost(cost: number): void {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError(`a cost is a whole number from 1, not ${cost}`);
}

/** @throws Error where two rules share a key: each would be judged without what the other spends */
export function requireDistinctKeys(rules: readonly { readonly key: string }[]): void {
  if (rules.length < 2) return;
  const keys = new Set(rules.map((rule) => rule.key));
  if (keys.size < rules.length) throw new Error('two limits of one request share a key');
}
