/** The upstream of one route: which of its targets takes the next request, or why none does. */
import type { CompiledUpstream } from '../../core/compiled-upstream.ts';
import { type Choose, leastPending, roundRobin } from './balance.ts';
import type { Endpoint } from './endpoint.ts';
import { Target } from './target.ts';

/** No target takes the request. `busy`: those in service have as many as they may; `unavailable`: none is in service. */
export interface NoTarget {
  readonly none: 'busy' | 'unavailable';
  readonly retryAfterSeconds: number;
}

export interface UpstreamParts {
  /** Of the route: what metrics and the log call the upstream. */
  readonly name: string;
  readonly settings: CompiledUpstream;
  readonly endpointOf: (url: string) => Endpoint;
  /** The same upstream before a reload: targets that stay keep what is known of them. */
  readonly before: Upstream | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly meter: UpstreamMeter;
  readonly events: UpstreamEvents;
}

/** What is measured of one upstream. None may throw. */
export interface UpstreamMeter {
  /** The answer of a target began after so many seconds, with this status, or the try failed without one (undefined). */
  request(status: number | undefined, seconds: number): void;
  /** A request was offered to another target. */
  retried(): void;
  /** Requests took a target out of service. */
  ejected(): void;
}

/** None may throw. */
export interface UpstreamEvents {
  /** Requests took a target out of service, or put it back. */
  serviceChanged(change: { readonly route: string; readonly target: string; readonly inService: boolean }): void;
  /** Checks found that a target is not healthy any more, or is again. */
  healthChanged(change: { readonly target: string; readonly healthy: boolean; readonly reason: string }): void;
}

const NOBODY: readonly Target[] = Object.freeze([]);

export class Upstream {
  readonly name: string;
  readonly settings: CompiledUpstream;
  readonly targets: readonly Target[];
  readonly meter: UpstreamMeter;
  readonly now: () => number;
  readonly #only: Target | undefined;
  readonly #choose: Choose;

  constructor({ name, settings, endpointOf, before, now, meter, events }: UpstreamParts) {
    this.name = name;
    this.settings = settings;
    this.meter = meter;
    this.now = now;
    this.#choose = settings.balance === 'least-pending' ? leastPending : roundRobin;
    this.targets = settings.targets.map(({ url, weight, maxConcurrent }) => {
      const endpoint = endpointOf(url);
      const membership = {
        weight,
        maxConcurrent,
        eject: settings.eject,
        dispensable: (target: Target) => this.#mayDoWithout(target),
        onChange: (inService: boolean) => {
          if (!inService) meter.ejected();
          events.serviceChanged({ route: name, target: url, inService });
        },
        now,
      };
      const known = before?.targets.find((target) => target.endpoint === endpoint);
      known?.join(membership);
      return known ?? new Target(endpoint, membership);
    });
    this.#only = this.targets.length === 1 ? this.targets[0] : undefined;
  }

  /** A target that takes the request now: it counts as given to it. Those in `tried` are not chosen again. */
  pick(tried: readonly Target[] = NOBODY): Target | NoTarget {
    const only = this.#only;
    if (only?.inService === true && !only.isFull && tried.length === 0) return only.take();
    const now = this.now();
    const free = this.targets.filter((target) => !target.isFull && !tried.includes(target));
    const next =
      free.find((target) => target.isDue(now)) ??
      this.#choose(
        free.filter((target) => target.inService),
        now,
      );
    return next?.take() ?? this.#refusal(now);
  }

  #refusal(now: number): NoTarget {
    if (this.targets.some((target) => target.inService)) return { none: 'busy', retryAfterSeconds: 1 };
    const waitMs = Math.min(...this.targets.map((target) => target.waitMs(now)));
    return { none: 'unavailable', retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  #mayDoWithout(target: Target): boolean {
    const out = this.targets.filter((other) => other !== target && !other.inService).length;
    return out + 1 <= (this.targets.length * (this.settings.eject?.maxShare ?? 0)) / 100;
  }
}
