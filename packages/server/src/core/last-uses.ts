/** When each secret was last used: kept in memory until it may be written, which is once a minute. */
import { type DigestKey, digestBytes, digestKeyOf } from '@tessera/verify';
import type { LastUse } from './model.ts';

const EVERY_MS = 60_000;

export interface LastUses {
  used(secret: DigestKey, token: string, at: number): void;
  /** Those whose minute is over (`due`), or all; they count as written at `now`. */
  take(now: number, which: 'due' | 'all'): LastUse[];
  /** They were not written after all: they are due again. */
  giveBack(uses: readonly LastUse[]): void;
}

interface Seen {
  token: string;
  /** Of the last use; undefined: it is written. */
  at: number | undefined;
  writtenAt: number;
}

/** Holds the secrets that were used within the last minute, or wait to be written. */
export function lastUses(): LastUses {
  const bySecret = new Map<DigestKey, Seen>();
  return {
    used(secret, token, at) {
      const seen = bySecret.get(secret);
      if (seen === undefined) bySecret.set(secret, { token, at, writtenAt: Number.NEGATIVE_INFINITY });
      else seen.at = at;
    },
    take(now, which) {
      const due: LastUse[] = [];
      for (const [secret, seen] of bySecret) {
        const isOver = Math.abs(now - seen.writtenAt) >= EVERY_MS;
        if (!isOver && which === 'due') continue;
        if (seen.at === undefined) {
          if (isOver) bySecret.delete(secret);
          continue;
        }
        due.push({ token: seen.token, digest: digestBytes(secret), at: seen.at });
        seen.at = undefined;
        seen.writtenAt = now;
      }
      return due;
    },
    giveBack(uses) {
      for (const { token, digest, at } of uses) {
        const secret = digestKeyOf(digest);
        const later = bySecret.get(secret)?.at;
        bySecret.set(secret, { token, at: later ?? at, writtenAt: Number.NEGATIVE_INFINITY });
      }
    },
  };
}
