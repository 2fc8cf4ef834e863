/** What is single-use is used once: the proofs that were seen, for as long as they could be shown again. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { Clock } from '../ports.ts';

export interface ReplayStore {
  /**
   * True for the first who claims this key, false for everybody else until `untilMs` (since the epoch), on every node that
   * shares the store. Throwing means "cannot tell", also where there is no room: an unexpired claim is never forgotten.
   *
   * @param holder whose claim it is: nobody may fill the store for everybody else
   */
  claim(key: string, untilMs: number, holder?: string): MaybePromise<boolean>;
}

export interface MemoryReplays extends ReplayStore {
  claim(key: string, untilMs: number, holder?: string): boolean;
  /** Claims that are held now. */
  readonly size: number;
}

/** One holder may have so many of all claims at once. */
const SHARE_OF_A_HOLDER = 0.1;

/** Claims of one process, at most `max` at a time (default 100,000, some 10 MB), and a tenth of them for each holder. */
export function memoryReplays({
  clock,
  max = 100_000,
}: {
  readonly clock: Clock;
  readonly max?: number;
}): MemoryReplays {
  const claimed = new Set<string>();
  /** Keys by the second in which they end, so that ending costs nothing while nothing ends. */
  const ending = new Map<number, { readonly key: string; readonly holder: string | undefined }[]>();
  const held = new Map<string, number>();
  let swept = Number.NEGATIVE_INFINITY;

  function count(holder: string, change: 1 | -1): void {
    const left = (held.get(holder) ?? 0) + change;
    if (left > 0) held.set(holder, left);
    else held.delete(holder);
  }

  function sweep(second: number): void {
    if (second <= swept) return;
    swept = second;
    for (const [end, keys] of ending) {
      if (end >= second) continue;
      for (const { key, holder } of keys) {
        claimed.delete(key);
        if (holder !== undefined) count(holder, -1);
      }
      ending.delete(end);
    }
  }

  return {
    get size() {
      return claimed.size;
    },
    claim(key, untilMs, holder) {
      sweep(secondOf(clock.now()));
      if (claimed.has(key)) return false;
      const second = secondOf(untilMs);
      // Where the clock was set back, claims are forgotten that could be made again.
      if (second < swept) throw new Error('the clock is behind the claims that have ended');
      if (claimed.size >= max) throw new Error('the store of used proofs is full');
      if (holder !== undefined) {
        if ((held.get(holder) ?? 0) >= max * SHARE_OF_A_HOLDER) throw new Error('too many proofs of one key at once');
        count(holder, 1);
      }
      claimed.add(key);
      const keys = ending.get(second);
      if (keys === undefined) ending.set(second, [{ key, holder }]);
      else keys.push({ key, holder });
      return true;
    },
  };
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
