/** Counts and durations as plain numbers: cheap enough to take for every verdict, and read only when they are scraped. */

/** One metric with all its values, as the exposition of prom-client wants it. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How those of several workers become one. */
  readonly aggregator: 'sum' | 'min' | 'max';
  readonly values: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it is not the name of the family: of the parts of a histogram. */
  readonly metricName?: string;
}

/** The one sample of a family without labels. */
export function alone(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

/** NaN, "cannot tell", where the part that knows does not answer: the rest of the page matters most just then. */
export function told(read: () => number): number {
  try {
    return read();
  } catch {
    return Number.NaN;
  }
}

/** What a family is called, what it tells, and the samples it has now. */
export interface Described {
  readonly name: string;
  readonly help: string;
  readonly values: readonly Sample[];
}

export function counter(described: Described): Family {
  return { ...described, type: 'counter', aggregator: 'sum' };
}

export function gauge(described: Described, aggregator: Family['aggregator'] = 'sum'): Family {
  return { ...described, type: 'gauge', aggregator };
}

export function histogram(described: Described): Family {
  return { ...described, type: 'histogram', aggregator: 'sum' };
}

/** A count for each of a closed set of keys: whatever is counted, no other label comes of it. */
export interface Tally<Key extends string> {
  readonly counts: Record<Key, number>;
  samples(labels: (key: Key) => Readonly<Record<string, string>>): readonly Sample[];
}

export function tally<Key extends string>(keys: readonly Key[]): Tally<Key> {
  const counts = Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
  return {
    counts,
    samples: (labels) => keys.map((key) => ({ labels: labels(key), value: counts[key] })),
  };
}

/** How long something took, in buckets. */
export interface Durations {
  observe(seconds: number): void;
  /** The samples of a histogram of this name: cumulative buckets, sum, count. */
  samples(name: string, labels: Readonly<Record<string, string>>): readonly Sample[];
}

/** @param bounds upper bounds of the buckets in seconds, ascending; a duration that equals one is within it */
export function durations(bounds: readonly number[]): Durations {
  const counts = bounds.map(() => 0);
  let beyond = 0;
  let sum = 0;
  return {
    observe(seconds) {
      sum += seconds;
      for (let bucket = 0; bucket < bounds.length; bucket += 1) {
        if (seconds > (bounds[bucket] ?? 0)) continue;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
        return;
      }
      beyond += 1;
    },
    samples(name, labels) {
      let within = 0;
      const buckets = bounds.map((bound, bucket) => {
        within += counts[bucket] ?? 0;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: within };
      });
      const count = within + beyond;
      return [
        ...buckets,
        { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    },
  };
}
