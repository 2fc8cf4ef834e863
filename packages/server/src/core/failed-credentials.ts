/** Failed credentials are limited for each source address, before the store is asked, in bounded memory. */
import { MAX_TOKEN_BYTES } from '@tessera/token';
import { type Clock, type DigestKey, digestKey, type Limiter, type LimitRule, sourceOf } from '@tessera/verify';
import type { FailedCredentials } from './door-ports.ts';

/** Source addresses that are counted at once, some 10 MB: strangers choose how many they come from. */
export const MOST_SOURCES = 200_000;
const WINDOW_SECONDS = 60;

/** When a credential failed last, in milliseconds since the epoch; 0: never. */
export interface LastFailure {
  at(): number;
  set(at: number): void;
}

export interface FailedCredentialsOptions {
  /** Counts in memory: nobody waits for it. */
  readonly limiter: Limiter;
  /** Shared by all who share the limiter. */
  readonly last?: LastFailure;
  readonly perMinute: number;
  readonly clock: Clock;
  /** Whether the facts of this digest are in memory, so that judging it costs the store nothing. */
  readonly known: (digest: DigestKey) => boolean;
  readonly onFault: (error: unknown) => void;
}

export function failedCredentials({
  limiter,
  last = lastFailure(),
  perMinute,
  clock,
  known,
  onFault,
}: FailedCredentialsOptions): FailedCredentials {
  const rulesFor = (address: string): readonly LimitRule[] => [
    {
      key: `failed:${sourceOf(address)}`,
      name: 'failed-credentials',
      limit: perMinute,
      windowSeconds: WINDOW_SECONDS,
      burst: perMinute,
      cost: 1,
    },
  ];
  const take = (address: string, mode: 'spend' | 'peek'): number => {
    try {
      const outcome = limiter.take(rulesFor(address), 1, mode);
      if (outcome instanceof Promise) throw new Error('failed credentials are counted in memory');
      return outcome.allowed ? 0 : (outcome.states[0]?.retryAfterSeconds ?? WINDOW_SECONDS);
    } catch (error) {
      onFault(error);
      return 1;
    }
  };
  return {
    blocked(address, { text }) {
      // A source is blocked for a minute at most: where nobody failed for longer, nobody is.
      if (clock.now() - last.at() > WINDOW_SECONDS * 1000) return 0;
      const wait = take(address, 'peek');
      return wait > 0 && text.length <= MAX_TOKEN_BYTES && known(digestKey(text)) ? 0 : wait;
    },
    failed(address) {
      last.set(clock.now());
      take(address, 'spend');
    },
  };
}

function lastFailure(): LastFailure {
  let last = 0;
  return {
    at: () => last,
    set(at) {
      last = at;
    },
  };
}
