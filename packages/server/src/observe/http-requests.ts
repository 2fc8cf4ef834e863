/** Durations of HTTP requests by method, route and status, with labels that no request can choose. */
import { type Durations, durations, type Family, histogram } from './series.ts';

/** Of one route. It is made where the route is, once, so that a path as it was requested never becomes a label. */
export interface RouteMetrics {
  /** @param seconds from the head of the request to the end of the response */
  request(method: string, status: number, seconds: number): void;
}

export interface HttpRequests {
  route(name: string): RouteMetrics;
  family(): Family;
}

const NAME = 'http_server_request_duration_seconds';
/** The advice of OpenTelemetry's semantic conventions, and two bounds below it: a verdict takes less than 5 ms. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** What OpenTelemetry calls a method that is none of the known. */
const OTHER = '_OTHER';
/** Routes with metrics of their own; those beyond, after many reloads of the configuration, share one. */
const MOST_ROUTES = 1000;

interface Counted {
  readonly method: string;
  readonly status: number;
  readonly took: Durations;
}

export function httpRequests(): HttpRequests {
  const routes = new Map<string, RouteMetrics & { readonly counted: ReadonlyMap<number, Counted> }>();
  return {
    route(name) {
      const known = routes.get(name);
      if (known !== undefined) return known;
      if (routes.size >= MOST_ROUTES && name !== OTHER) return this.route(OTHER);
      const made = routeMetrics();
      routes.set(name, made);
      return made;
    },
    family() {
      const values = [...routes].flatMap(([route, { counted }]) =>
        [...counted.values()].flatMap(({ method, status, took }) =>
          took.samples(NAME, {
            http_request_method: method,
            http_route: route,
            http_response_status_code: String(status),
          }),
        ),
      );
      return histogram({ name: NAME, help: 'Duration of HTTP requests, by route.', values });
    },
  };
}

function routeMetrics() {
  const counted = new Map<number, Counted>();
  return {
    counted,
    request(method: string, status: number, seconds: number) {
      const known = METHODS.indexOf(method);
      // A number as key, because to join texts would cost more than the rest.
      const key = status * 16 + known;
      let entry = counted.get(key);
      if (entry === undefined) {
        entry = { method: METHODS[known] ?? OTHER, status, took: durations(BOUNDS) };
        counted.set(key, entry);
      }
      entry.took.observe(seconds);
    },
  };
}
