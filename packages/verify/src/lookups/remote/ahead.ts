/**
 * What was looked up ahead of the feed: read from the store after the last change that was heard of. As long as one stream lasts, it is of the history
 * that the stream tells. Whoever follows anew may follow another one, of a store that was restored from a copy which lacks those changes.
 */
import type { DigestKey } from '../../digest.ts';

export interface Ahead {
  /** Facts of this digest are kept, read at this position. */
  kept(digest: DigestKey, position: number): void;
  /** Everything up to this position was heard of. */
  reached(position: number): void;
  /** The digests whose facts stand on changes that were not heard of yet; none of them from then on. */
  take(): Iterable<DigestKey>;
  clear(): void;
}

export interface AheadOptions {
  /** Facts that may be ahead at once. */
  readonly most: number;
  /** One more is: these can no longer be told from others. */
  readonly onFull: (oldest: DigestKey) => void;
}

export function factsAhead({ most, onFull }: AheadOptions): Ahead {
  let ahead = new Map<DigestKey, number>();
  let reached = Number.NEGATIVE_INFINITY;

  return {
    kept(digest, position) {
      ahead.delete(digest);
      if (position <= reached) return;
      const [oldest] = ahead.size >= most ? ahead.keys() : [];
      if (oldest !== undefined) {
        ahead.delete(oldest);
        onFull(oldest);
      }
      ahead.set(digest, position);
    },
    reached(position) {
      reached = position;
      for (const [digest, readAt] of ahead) if (readAt <= position) ahead.delete(digest);
    },
    take() {
      const taken = ahead.keys();
      ahead = new Map();
      return taken;
    },
    clear: () => ahead.clear(),
  };
}
