/** Routes, compiled: which rule a request falls under. The longest path decides, never the order in the file. */
import type { Requirement } from '@tessera/verify';
import { type CompiledRoute, compileRoute, type RouteConfig, type RouteDefaults } from './compiled-route.ts';

export type RouteMatch =
  | { readonly outcome: 'route'; readonly route: CompiledRoute }
  | { readonly outcome: 'none'; readonly route: undefined }
  /** The path is known, the method is not: `allow` names those that are, as the Allow header does. */
  | { readonly outcome: 'method'; readonly route: undefined; readonly allow: string; readonly workspace: string };

export interface RouteTable {
  /** `host` without port in lower case, `path` in canonical form. Cheap whatever the number of routes. */
  match(host: string, path: string, method: string): RouteMatch;
  /** Every route, in the order of the file. */
  readonly routes: readonly CompiledRoute[];
  /** What is asked where no route says: any valid token of the default workspace. */
  readonly otherwise: Requirement;
}

/**
 * Compiles routes that were validated before. Throws a RangeError where one cannot be: a path that is not canonical, an
 * address range that is none, or two routes for the same host, path and method.
 */
export function compileRoutes(configs: readonly RouteConfig[], defaults: RouteDefaults): RouteTable {
  const routes = configs.map((config) => compileRoute(config, defaults));
  const anyHost = pathTable();
  const hosts = new Map<string, PathTable>();
  for (const route of routes) {
    const table = route.host === undefined ? anyHost : (hosts.get(route.host) ?? pathTable());
    if (route.host !== undefined) hosts.set(route.host, table);
    add(table, route);
  }
  return Object.freeze({
    match(host: string, path: string, method: string): RouteMatch {
      const own = hosts.get(host);
      const place = (own && find(own, path)) ?? find(anyHost, path);
      return place === undefined ? NONE : choose(place, method);
    },
    routes,
    otherwise: compileRoute({ name: 'otherwise', match: { path: '/*' }, upstream: { targets: [] } }, defaults)
      .requirement,
  });
}

const NONE: RouteMatch = Object.freeze({ outcome: 'none', route: undefined });

/** The routes of one path: one for each method, and one for the methods that none of them names. */
interface Place {
  readonly byMethod: Map<string, CompiledRoute>;
  any: CompiledRoute | undefined;
}

interface PathTable {
  readonly exact: Map<string, Place>;
  /** Keyed by the path before `/*`. */
  readonly below: Map<string, Place>;
  /** Segments of the longest key of `below`: a request cannot make us look further. */
  depth: number;
}

function pathTable(): PathTable {
  return { exact: new Map(), below: new Map(), depth: 0 };
}

function add(table: PathTable, route: CompiledRoute): void {
  const wild = route.path.endsWith('/*');
  const key = wild ? route.path.slice(0, -2) : route.path;
  const places = wild ? table.below : table.exact;
  if (wild) table.depth = Math.max(table.depth, key.split('/').length - 1);
  const place = places.get(key) ?? { byMethod: new Map<string, CompiledRoute>(), any: undefined };
  places.set(key, place);
  if (route.methods === undefined) {
    if (place.any !== undefined)
      throw new RangeError(`routes ${place.any.name} and ${route.name} take the same requests`);
    place.any = route;
    return;
  }
  for (const method of route.methods) {
    const other = place.byMethod.get(method);
    if (other !== undefined) throw new RangeError(`routes ${other.name} and ${route.name} take the same requests`);
    place.byMethod.set(method, route);
  }
}

function find(table: PathTable, path: string): Place | undefined {
  const { exact, below, depth } = table;
  // Most servers take `/orders` and `/orders/` for one resource, so a rule for the first guards the second.
  const place = exact.get(path) ?? exact.get(path.endsWith('/') ? path.slice(0, -1) : `${path}/`);
  if (place !== undefined || below.size === 0) return place;
  const ends: number[] = [0];
  for (let end = path.indexOf('/', 1); ends.length <= depth; end = path.indexOf('/', end + 1)) {
    ends.push(end < 0 ? path.length : end);
    if (end < 0) break;
  }
  for (let at = ends.length - 1; at >= 0; at--) {
    const found = below.get(path.slice(0, ends[at]));
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * A method that no route of this path takes is refused, and never left to a route for a shorter path: what guards
 * `GET /admin` must not leave `POST /admin` to the rule for everything.
 */
function choose({ byMethod, any }: Place, method: string): RouteMatch {
  const route = byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined) ?? any;
  if (route !== undefined) return { outcome: 'route', route };
  const methods = new Set(byMethod.keys());
  if (methods.has('GET')) methods.add('HEAD');
  const [first] = byMethod.values();
  return first === undefined
    ? NONE
    : { outcome: 'method', route: undefined, allow: [...methods].join(', '), workspace: first.workspace };
}
