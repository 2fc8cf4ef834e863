/** What is measured of upstreams: how soon they answer, how often they fail, and which of their targets take requests. */
import { counter, type Durations, durations, type Family, gauge, histogram } from './series.ts';

/** Of the upstream of one route, which names it: no address of a request is ever a label. */
export interface UpstreamMetrics {
  /** @param status of the answer that began; undefined: none did. @param seconds since the request was given to the target */
  request(status: number | undefined, seconds: number): void;
  retried(): void;
  ejected(): void;
}

export interface TargetHealth {
  readonly upstream: string;
  readonly target: string;
  readonly healthy: boolean;
}

export interface UpstreamsMetrics {
  of(name: string): UpstreamMetrics;
  /** From now on this tells how the targets stand. */
  follow(status: () => readonly TargetHealth[]): void;
}

const DURATION = 'tessera_upstream_request_duration_seconds';
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** The last is that of a target which did not answer. */
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;
const NONE = CLASSES.length - 1;
/** Upstreams with metrics of their own; those beyond, after many reloads of the configuration, share one. */
const MOST_UPSTREAMS = 1000;
const OTHER = '_OTHER';

interface Counted extends UpstreamMetrics {
  readonly took: ReadonlyMap<number, Durations>;
  readonly counts: { retries: number; ejections: number };
}

export function upstreamsMetrics(): UpstreamsMetrics & { families(): readonly Family[] } {
  const counted = new Map<string, Counted>();
  let status: () => readonly TargetHealth[] = () => [];
  return {
    of(name) {
      const known = counted.get(name);
      if (known !== undefined) return known;
      if (counted.size >= MOST_UPSTREAMS && name !== OTHER) return this.of(OTHER);
      const made = counting();
      counted.set(name, made);
      return made;
    },
    follow(next) {
      status = next;
    },
    families: () => [
      gauge(
        {
          name: 'tessera_upstream_healthy',
          help: '1 where a target takes requests, 0 where checks or failed requests took it out of service.',
          values: status().map(({ upstream, target, healthy }) => ({
            labels: { upstream, target },
            value: healthy ? 1 : 0,
          })),
        },
        'min',
      ),
      histogram({
        name: DURATION,
        help: 'Time from giving a request to a target until its answer began, or the try failed (code_class none).',
        values: [...counted].flatMap(([upstream, { took }]) =>
          [...took].flatMap(([index, one]) => one.samples(DURATION, { upstream, code_class: CLASSES[index] ?? '' })),
        ),
      }),
      counter({
        name: 'tessera_upstream_retries_total',
        help: 'Requests that were offered to another target, because nothing could be sent to the one before.',
        values: [...counted].map(([upstream, { counts }]) => ({ labels: { upstream }, value: counts.retries })),
      }),
      counter({
        name: 'tessera_upstream_ejections_total',
        help: 'Times that failed requests took a target out of service.',
        values: [...counted].map(([upstream, { counts }]) => ({ labels: { upstream }, value: counts.ejections })),
      }),
    ],
  };
}

function counting(): Counted {
  const took = new Map<number, Durations>();
  const counts = { retries: 0, ejections: 0 };
  return {
    took,
    counts,
    request(status, seconds) {
      const index = status === undefined ? NONE : Math.min(Math.floor(status / 100) - 1, NONE - 1);
      let entry = took.get(index);
      if (entry === undefined) {
        entry = durations(BOUNDS);
        took.set(index, entry);
      }
      entry.observe(seconds);
    },
    retried() {
      counts.retries += 1;
    },
    ejected() {
      counts.ejections += 1;
    },
  };
}
