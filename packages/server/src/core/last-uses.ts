/** When each secret was last used: kept in memory until it may be written, which is once a minute. */
import type { DigestKey } from '@tessera/verify';

const EVERY_MS = 60_000;

export interface Use {
  readonly secret: DigestKey;
  readonly token: string;
  /** Of the last use. */
  readonly at: number;
}

export interface LastUses {
  used(secret: DigestKey, token: string, at: number): void;
  /** Those whose minute is over (`due`), or all; they count as written at `now`. */
  take(now: number, which: 'due' | 'all'): Use[];
  /** They were not written after all: they are due again. */
  giveBack(uses: readonly Use[]): void;
}

interface Written {
  readonly token: string;
  readonly writtenAt: number;
  /** Of a use since then. */
  at: number | undefined;
}

/** Holds the secrets that were used within the last minute, or wait to be written. What is due is found without a look at the others. */
export function lastUses(): LastUses {
  /** Not written within the last minute. */
  const fresh = new Map<DigestKey, Use>();
  /** In the order in which they were. */
  const written = new Map<DigestKey, Written>();
  return {
    used(secret, token, at) {
      const seen = written.get(secret);
      if (seen === undefined) fresh.set(secret, { secret, token, at });
      else seen.at = at;
    },
    take(now, which) {
      const taken = [...fresh.values()];
      fresh.clear();
      for (const [secret, { token, writtenAt, at }] of written) {
        // A clock that was set back leaves times that are to come.
        const isOver = Math.abs(now - writtenAt) >= EVERY_MS;
        if (!isOver && which === 'due') break;
        if (isOver || at !== undefined) written.delete(secret);
        if (at !== undefined) taken.push({ secret, token, at });
      }
      for (const { secret, token } of taken) written.set(secret, { token, writtenAt: now, at: undefined });
      return taken;
    },
    giveBack(uses) {
      for (const use of uses) {
        const later = written.get(use.secret)?.at ?? fresh.get(use.secret)?.at;
        written.delete(use.secret);
        fresh.set(use.secret, { ...use, at: later ?? use.at });
      }
    },
  };
}
