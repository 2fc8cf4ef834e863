/** How near this node is to what the others change. */
import { alone, type Family, gauge, told } from './series.ts';

const sources = ['notify', 'poll'] as const;

export interface FeedMetricsOptions {
  /** After so many seconds without news a node refuses what it cannot check again. */
  readonly stalenessBoundSeconds: number;
  /** Seconds since the change feed was last heard of. */
  readonly feedLagSeconds: () => number;
  /** How it is heard of. Absent: this thread follows none. */
  readonly feedSource?: () => (typeof sources)[number] | undefined;
}

export function feedFamilies({ stalenessBoundSeconds, ...options }: FeedMetricsOptions): readonly Family[] {
  const current = options.feedSource?.();
  return [
    gauge(
      {
        name: 'tessera_feed_lag_seconds',
        help: 'Time since the change feed was last heard of.',
        values: alone(told(options.feedLagSeconds)),
      },
      'max',
    ),
    gauge(
      {
        name: 'tessera_staleness_bound_seconds',
        help: 'Lag of the change feed above which nothing is answered from memory.',
        values: alone(stalenessBoundSeconds),
      },
      'max',
    ),
    gauge({
      name: 'tessera_feed_source',
      help: 'Threads that hear of changes of other processes so: the database pushes them (notify), or is asked (poll).',
      values: sources.map((source) => ({ labels: { source }, value: source === current ? 1 : 0 })),
    }),
  ];
}
