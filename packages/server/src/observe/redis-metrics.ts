/** Metrics of the Redis that counts for all nodes; without one there are none. */
import { alone, counter, type Family, gauge, tally } from './series.ts';

const faults = ['away', 'refused'] as const;

export interface RedisMetrics {
  /** There is one, and this tells whether it answers. */
  follow(isUp: () => boolean): void;
  /** What was asked of it was not answered in time, or was refused by it. */
  fault(reason: (typeof faults)[number]): void;
  /** It had forgotten what it counted, or may have. */
  reset(): void;
}

export function redisMetrics(): RedisMetrics & { families(): readonly Family[] } {
  const failed = tally(faults);
  let resets = 0;
  let up: (() => boolean) | undefined;
  return {
    follow(isUp) {
      up = isUp;
    },
    fault(reason) {
      failed.counts[reason] += 1;
    },
    reset() {
      resets += 1;
    },
    families() {
      if (up === undefined) return [];
      return [
        gauge({ name: 'tessera_redis_up', help: '1 while Redis answers.', values: alone(up() ? 1 : 0) }, 'min'),
        counter({
          name: 'tessera_redis_faults_total',
          help: 'Questions that Redis did not answer in time (away) or would not (refused).',
          values: failed.samples((reason) => ({ reason })),
        }),
        counter({
          name: 'tessera_redis_resets_total',
          help: 'How often Redis was found emptied, restarted or replaced: its counters may have begun anew.',
          values: alone(resets),
        }),
      ];
    },
  };
}
