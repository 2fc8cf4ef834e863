/** Failed credentials are limited for each source address, before the store is asked, in bounded memory. */
import { MAX_TOKEN_BYTES } from '@tessera/token';
import { type Clock, type DigestKey, digestKey, type Limiter, type LimitRule, sourceOf } from '@tessera/verify';
import type { FailedCredentials } from './door-ports.ts';

const WINDOW_SECONDS = 60;

export interface FailedCredentialsOptions {
  /** Counts in this process alone: a limiter in memory. */
  readonly limiter: Limiter;
  readonly perMinute: number;
  readonly clock: Clock;
  /** Whether the facts of this digest are in memory, so that judging it costs the store nothing. */
  readonly known: (digest: DigestKey) => boolean;
  readonly onFault: (error: unknown) => void;
}

export function failedCredentials({
  limiter,
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
  /** A source is blocked for a minute at most: where nobody failed for longer, nobody is. */
  let lastFailure = Number.NEGATIVE_INFINITY;
  return {
    blocked(address, { text }) {
      if (clock.now() - lastFailure > WINDOW_SECONDS * 1000) return 0;
      const wait = take(address, 'peek');
      return wait > 0 && text.length <= MAX_TOKEN_BYTES && known(digestKey(text)) ? 0 : wait;
    },
    failed(address) {
      lastFailure = clock.now();
      take(address, 'spend');
    },
  };
}
