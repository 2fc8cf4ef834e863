/** The routes in force: compiled from the configuration, and with them whatever goes by them, through every reload. */
import type { Config } from './config/load.ts';
import { compileBounds } from './core/compiled-bounds.ts';
import { namedAddressRule } from './core/named-addresses.ts';
import { compileRoutes, type RouteTable } from './core/routes.ts';
import type { ConfiguredNames } from './followed-names.ts';
import { type Upstreams, upstreams } from './gateway/upstreams/upstreams.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { sampleRoutes } from './sample.ts';

export interface RoutesParts {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly names: ConfiguredNames;
  /** Id of the workspace of routes that name none. */
  readonly workspace: string;
  /** Port of the service behind the sample route; undefined: the routes are those of the configuration. */
  readonly samplePort: number | undefined;
}

export interface FollowedRoutes {
  /** Those of now: they are replaced while requests run. */
  now(): RouteTable;
  readonly upstreams: Upstreams;
  /** Those of this configuration from now on. Throws where they cannot be compiled; what was in force stays. */
  follow(next: Config): void;
}

/** Throws where the routes cannot be compiled. */
export function followedRoutes({ config, log, metrics, names, ...at }: RoutesParts): FollowedRoutes {
  const pools = followedUpstreams({ log, metrics });
  const compile = ({ routes }: Config): RouteTable =>
    compileRoutes(at.samplePort === undefined ? routes : sampleRoutes(at.samplePort), {
      workspace: at.workspace,
      addressRule: (label, lists) => namedAddressRule(label, lists, names),
      bounds: compileBounds({ maxBodyBytes: config.maxBodyBytes, requestTimeout: config.requestTimeoutSeconds }),
    });
  const inForce = (next: RouteTable): RouteTable => {
    pools.follow(next.routes);
    metrics.policies.shadowRoutes(shadowsOf(next).length);
    return next;
  };
  let table = inForce(compile(config));
  return {
    now: () => table,
    upstreams: pools,
    follow(next) {
      const compiled = compile(next);
      void names.follow(next);
      table = inForce(compiled);
      const shadows = shadowsOf(table);
      if (shadows.length > 0) log.warn({ routes: shadows }, 'routes in shadow mode refuse nobody');
    },
  };
}

function shadowsOf({ routes }: RouteTable): readonly string[] {
  return routes.filter(({ shadow }) => shadow).map(({ name }) => name);
}

/** With their metrics; each change of a target's state leaves one line in the log. */
function followedUpstreams({ log, metrics }: Pick<RoutesParts, 'log' | 'metrics'>): Upstreams {
  const pools = upstreams({
    meter: (route) => metrics.upstreams.of(route),
    events: {
      serviceChanged({ inService, ...change }) {
        if (inService) log.info(change, 'a target is in service again');
        else log.warn(change, 'requests to a target failed: it is out of service');
      },
      healthChanged({ healthy, ...change }) {
        if (healthy) log.info(change, 'a target is healthy again');
        else log.warn(change, 'a target is not healthy');
      },
    },
  });
  metrics.upstreams.follow(pools.status);
  return pools;
}
