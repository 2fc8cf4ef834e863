/** Metrics of the host names in address lists. No name is a label: the log tells which one fails. */
import { alone, counter, type Family, gauge, tally } from './series.ts';

const outcomes = ['answered', 'failed'] as const;

export interface HostNameMetrics {
  lookup(outcome: (typeof outcomes)[number]): void;
  /** `unresolved`: how many names have no addresses now. */
  follow(unresolved: () => number): void;
}

export function hostNameMetrics(): HostNameMetrics & { families(): readonly Family[] } {
  const lookups = tally(outcomes);
  let unresolved = (): number => 0;
  return {
    lookup(outcome) {
      lookups.counts[outcome] += 1;
    },
    follow(read) {
      unresolved = read;
    },
    families: () => [
      counter({
        name: 'tessera_host_name_lookups_total',
        help: 'Look-ups of host names in address lists.',
        values: lookups.samples((outcome) => ({ outcome })),
      }),
      gauge(
        {
          name: 'tessera_host_names_unresolved',
          help: 'Host names in address lists whose addresses are not known: what depends on them is refused.',
          values: alone(unresolved()),
        },
        'max',
      ),
    ],
  };
}
