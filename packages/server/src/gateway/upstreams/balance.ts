/** Which of several targets is next: nothing is drawn, so that shares are exact and a test can foretell them. */
import type { Target } from './target.ts';

export type Choose = (candidates: readonly Target[], now: number) => Target | undefined;

/**
 * Smooth weighted round robin: each candidate gains its weight, the one with most is next and pays the sum. Weights 3 and 1
 * take turns as a a b a, not a a a b.
 */
export const roundRobin: Choose = (candidates, now) => {
  let best: Target | undefined;
  let total = 0;
  for (const target of candidates) {
    const weight = target.weight(now);
    target.turn += weight;
    total += weight;
    if (best === undefined || target.turn > best.turn) best = target;
  }
  if (best !== undefined) best.turn -= total;
  return best;
};

/** The one with the fewest requests under way for its weight, this one counted; of those that have equally few, by turns. */
export const leastPending: Choose = (candidates, now) => {
  const load = (target: Target): number => (target.pending + 1) / target.weight(now);
  let least = Number.POSITIVE_INFINITY;
  for (const target of candidates) least = Math.min(least, load(target));
  return roundRobin(
    candidates.filter((target) => load(target) === least),
    now,
  );
};
