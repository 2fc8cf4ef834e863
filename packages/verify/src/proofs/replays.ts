/** What is single-use is used once: the proofs that were seen, for as long as they could be shown again. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { Clock } from '../ports.ts';

export interface ReplayStore {
  /**
   * True for the first who claims this key, false for everybody else until `untilMs` (since the epoch), on every node that
   * shares the store. Throwing means "cannot tell", also where there is no room: an unexpired claim is never forgotten.
   */
  claim(key: string, untilMs: number): MaybePromise<boolean>;
}

export interface MemoryReplays extends ReplayStore {
  claim(key: string, untilMs: number): boolean;
  /** Claims that are held now. */
  readonly size: number;
}

/** Claims of one process, at most `max` at a time (default 100,000, some 10 MB). */
export function memoryReplays({
  clock,
  max = 100_000,
}: {
  readonly clock: Clock;
  readonly max?: number;
}): MemoryReplays {
  const claimed = new Set<string>();
  /** Keys by the second in which they end, so that ending costs nothing while nothing ends. */
  const ending = new Map<number, string[]>();
  let swept = Number.NEGATIVE_INFINITY;

  function sweep(second: number): void {
    if (second <= swept) return;
    swept = second;
    for (const [end, keys] of ending) {
      if (end >= second) continue;
      for (const key of keys) claimed.delete(key);
      ending.delete(end);
    }
  }

  return {
    get size() {
      return claimed.size;
    },
    claim(key, untilMs) {
      sweep(secondOf(clock.now()));
      if (claimed.has(key)) return false;
      const second = secondOf(untilMs);
      // Where the clock was set back, claims are forgotten that could be made again.
      if (second < swept) throw new Error('the clock is behind the claims that have ended');
      if (claimed.size >= max) throw new Error('the store of used proofs is full');
      claimed.add(key);
      const keys = ending.get(second);
      if (keys === undefined) ending.set(second, [key]);
      else keys.push(key);
      return true;
    },
  };
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
