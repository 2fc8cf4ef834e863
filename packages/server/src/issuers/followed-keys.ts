/**
 * The keys of an issuer, followed: a key that it withdraws stops verifying within minutes while it can be asked, and an outage of it
 * stops none of its tokens for as long as keys are kept.
 */
import type { KeySet, KeySource, VerifyingKey } from '@tessera/verify/jose';

export interface FollowedKeysOptions {
  /** Fetches the set. */
  readonly fetch: () => Promise<KeySet>;
  /** How old a set may be that cannot be fetched again. */
  readonly keptMs: number;
  /** Hears of the first failure in a row, of the first set after failures, and of each fetch. Must not throw. */
  readonly on: (event: 'fetched' | 'failed' | 'lost' | 'recovered', error?: unknown) => void;
}

export interface FollowedKeys extends KeySource {
  /** Milliseconds since the set was fetched; undefined: there is none, or nobody asked for a key lately. */
  ageMs(now: number): number | undefined;
}

/** From then on it is fetched again, beside the requests that still use it. */
const REFRESH_AFTER_MS = 300_000;
/** From then on requests wait for it, unless it could not be had just now. */
const MAX_AGE_MS = 600_000;
/** An unknown `kid` costs a stranger nothing, so it fetches at most this often. */
const UNKNOWN_KID_PAUSE_MS = 30_000;
/** Between fetches after a failure: without a set nothing can be judged, and with one nobody waits. */
const FAILURE_PAUSE_MS = 1000;
const FAILURE_PAUSE_WITH_SET_MS = 15_000;
/** An outage is believed for so long: whoever comes later waits until it is tried again, since the issuer may have withdrawn a key. */
const OUTAGE_MS = 60_000;

export function followedKeys({ fetch, keptMs, on }: FollowedKeysOptions): FollowedKeys {
  let set: KeySet | undefined;
  let fetchedAt = 0;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let usedAt = Number.NEGATIVE_INFINITY;
  let failure: Error | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  async function fetchNow(now: number): Promise<void> {
    attemptedAt = now;
    try {
      set = await fetch();
      fetchedAt = now;
      on('fetched');
      if (failure !== undefined) on('recovered');
      failure = undefined;
    } catch (cause) {
      on('failed');
      const isFirst = failure === undefined;
      failedAt = now;
      failure = new Error('the keys of the issuer cannot be had', { cause });
      if (isFirst) on('lost', cause);
    } finally {
      underWay = undefined;
    }
  }

  /** One fetch at a time, however many wait for it. */
  const refresh = (now: number, pauseMs: number): Promise<void> | undefined => {
    if (!within(now - attemptedAt, pauseMs)) underWay ??= fetchNow(now);
    return underWay;
  };

  const usableSet = (now: number): KeySet | undefined => {
    const age = now - fetchedAt;
    const isAway = failure !== undefined && within(now - failedAt, OUTAGE_MS);
    return within(age, MAX_AGE_MS) || (isAway && within(age, keptMs)) ? set : undefined;
  };

  /** A `kid` that a usable set does not have, or any where there is none. */
  async function findLater(kid: string, now: number): Promise<VerifyingKey | undefined> {
    await refresh(now, usableSet(now) === undefined ? FAILURE_PAUSE_MS : UNKNOWN_KID_PAUSE_MS);
    const usable = usableSet(now);
    const key = usable?.get(kid);
    if (key === undefined && failure !== undefined) throw failure;
    if (usable === undefined) throw new Error('the keys of the issuer are too old');
    return key;
  }

  return {
    find(kid, now) {
      usedAt = now;
      const usable = usableSet(now);
      const key = usable?.get(kid);
      if (key === undefined) return findLater(kid, now);
      if (!within(now - fetchedAt, REFRESH_AFTER_MS))
        void refresh(now, failure === undefined ? UNKNOWN_KID_PAUSE_MS : FAILURE_PAUSE_WITH_SET_MS);
      return key;
    },
    ageMs: (now) => (set !== undefined && within(now - usedAt, MAX_AGE_MS) ? now - fetchedAt : undefined),
  };
}

/** A clock that was set back makes an age negative: then nothing is known of it. */
function within(age: number, limit: number): boolean {
  return age >= 0 && age < limit;
}
