/** The upstreams of all routes: made once for each route, carried over a reload, and closed when no route names them. */
import type { CompiledRoute } from '../../core/compiled-route.ts';
import type { CompiledUpstream } from '../../core/compiled-upstream.ts';
import { Endpoint } from './endpoint.ts';
import { termsKey } from './terms-key.ts';
import { Upstream, type UpstreamEvents, type UpstreamMeter } from './upstream.ts';

export interface UpstreamsOptions {
  readonly events: UpstreamEvents;
  /** What counts for the upstream of a route. */
  readonly meter: (route: string) => UpstreamMeter;
  readonly maxHeaderBytes: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const UNCOUNTED: UpstreamMeter = { request() {}, retried() {}, ejected() {} };

const DEFAULTS: UpstreamsOptions = {
  events: { serviceChanged() {}, healthChanged() {} },
  meter: () => UNCOUNTED,
  maxHeaderBytes: 16_384,
  now: () => performance.now(),
};

type RouteOf = Pick<CompiledRoute, 'name' | 'upstream'>;

export interface TargetStatus {
  /** Name of the route. */
  readonly upstream: string;
  readonly target: string;
  readonly healthy: boolean;
}

export interface Upstreams {
  /** The upstream of a route; also of one that a reload has just replaced, for requests that were judged before. */
  of(route: RouteOf): Upstream;
  /**
   * These are the routes from now on. What is known of targets that stay, stays; connections that no route uses any more
   * are closed as soon as their last request has ended.
   */
  follow(routes: readonly RouteOf[]): void;
  /** How the targets of the routes stand. */
  status(): readonly TargetStatus[];
  /** Ends when every running request has. */
  close(): Promise<void>;
}

export function upstreams(parts: Partial<UpstreamsOptions> = {}): Upstreams {
  const { events, meter, maxHeaderBytes, now } = Object.freeze({ ...DEFAULTS, ...parts });
  const endpoints = new Map<string, Endpoint>();
  let byRoute = new Map<CompiledUpstream, Upstream>();
  let followed: readonly Upstream[] = [];

  const onHealth = (endpoint: Endpoint, reason: string): void => {
    if (endpoint.healthy) {
      for (const { targets } of byRoute.values()) targets.find((target) => target.endpoint === endpoint)?.healthy();
    }
    events.healthChanged({ target: endpoint.url, healthy: endpoint.healthy, reason });
  };
  const endpointOf = (url: string, settings: CompiledUpstream): Endpoint => {
    const key = termsKey(url, settings);
    const known = endpoints.get(key);
    if (known !== undefined) return known;
    const made = new Endpoint(url, settings, { maxHeaderBytes, onHealth });
    endpoints.set(key, made);
    return made;
  };
  const make = ({ name, upstream: settings }: RouteOf, before?: Upstream): Upstream =>
    new Upstream({
      name,
      settings,
      endpointOf: (url) => endpointOf(url, settings),
      before,
      now,
      meter: meter(name),
      events,
    });
  const closeUnused = (): Promise<unknown> => {
    const used = new Set([...byRoute.values()].flatMap(({ targets }) => targets.map(({ endpoint }) => endpoint)));
    const unused = [...endpoints].filter(([, endpoint]) => !used.has(endpoint));
    for (const [key] of unused) endpoints.delete(key);
    return Promise.all(unused.map(([, endpoint]) => endpoint.close()));
  };

  return {
    of(route) {
      const known = byRoute.get(route.upstream);
      if (known !== undefined) return known;
      const made = make(route);
      byRoute.set(route.upstream, made);
      return made;
    },
    follow(routes) {
      const before = new Map(followed.map((upstream) => [upstream.name, upstream]));
      followed = routes.map((route) => byRoute.get(route.upstream) ?? make(route, before.get(route.name)));
      byRoute = new Map(followed.map((upstream) => [upstream.settings, upstream]));
      void closeUnused();
    },
    status: () =>
      followed.flatMap(({ name, targets }) =>
        targets.map(({ url, inService }) => ({ upstream: name, target: url, healthy: inService })),
      ),
    async close() {
      byRoute = new Map();
      followed = [];
      await closeUnused();
    },
  };
}
