/** Digests that nobody has, for a short while: a caller that tries one wrong token for ever costs the server little. */
import type { DigestKey } from '../../digest.ts';

export interface AbsentDigests {
  has(digest: DigestKey): boolean;
  add(digest: DigestKey): void;
  clear(): void;
  size(): number;
}

export interface AbsentOptions {
  readonly monotonic: () => number;
  readonly max: number;
  /** Milliseconds. */
  readonly forMs: number;
}

export function absentDigests({ monotonic, max, forMs }: AbsentOptions): AbsentDigests {
  /** In the order in which they end. */
  const ends = new Map<DigestKey, number>();
  return {
    has(digest) {
      const end = ends.get(digest);
      return end !== undefined && monotonic() < end;
    },
    add(digest) {
      ends.delete(digest);
      if (ends.size >= max) {
        const [oldest] = ends.keys();
        if (oldest !== undefined) ends.delete(oldest);
      }
      ends.set(digest, monotonic() + forMs);
    },
    clear: () => ends.clear(),
    size: () => ends.size,
  };
}
