/** The limiters that one process has: what holds for one holds for the other. */
import type { Clock, Limiter } from '@tessera/verify';
import { memoryLimiter } from '../../src/limits/memory.ts';
import { sharedLimiter } from '../../src/limits/shared.ts';
import { sharedCounters } from '../../src/limits/shared-counters.ts';

export interface LimiterOptions {
  readonly clock: Clock;
  readonly maxKeys?: number;
}

export interface NamedLimiter {
  readonly name: string;
  readonly make: (options: LimiterOptions) => Limiter;
}

export const limiters: readonly NamedLimiter[] = [
  { name: 'of one thread', make: memoryLimiter },
  {
    name: 'that threads share',
    make: ({ clock, maxKeys = 10_000 }) =>
      sharedLimiter({ clock, counters: sharedCounters({ clock, maxKeys }), holder: 1 }),
  },
];
