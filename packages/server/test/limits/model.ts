/**
 * What a limit promises, written down without its algorithm: of the requests that passed, no stretch that ends now may
 * hold more than burst + limit * length / window. Ratios are kept exact by multiplying with the window.
 */
import type { LimitRule } from '@tessera/verify';

export interface ModelLimit {
  admits(now: number, cost: number): boolean;
  spend(now: number, cost: number): void;
}

export function modelLimit(rule: LimitRule): ModelLimit {
  const passed: { readonly at: bigint; readonly cost: bigint }[] = [];
  const windowMs = BigInt(rule.windowSeconds) * 1000n;
  const burst = BigInt(rule.burst);
  const limit = BigInt(rule.limit);
  return {
    admits(now, cost) {
      let sum = BigInt(cost);
      if (sum > burst) return false;
      for (const request of passed.toReversed()) {
        sum += request.cost;
        if (sum * windowMs > burst * windowMs + (BigInt(now) - request.at) * limit) return false;
      }
      return true;
    },
    spend(now, cost) {
      passed.push({ at: BigInt(now), cost: BigInt(cost) });
    },
  };
}
