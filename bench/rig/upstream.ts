/** A service to put gateways in front of, and the configuration of ours that does so. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child.ts';

export interface Upstream {
  readonly port: string;
  readonly pid: number;
  /** Writes a configuration with routes to this service, and returns its path. */
  configIn(folder: string, routes?: readonly BenchRoute[]): string;
  stop(): Promise<void>;
}

export interface BenchRoute {
  readonly name: string;
  readonly path: string;
}

export const ORDERS: BenchRoute = { name: 'orders', path: '/orders/*' };

export async function startUpstream(): Promise<Upstream> {
  const child = startChild(new URL('../processes/upstream.ts', import.meta.url), { core: 'load' });
  const port = await child.printed(/port ([0-9]+)/);
  return {
    port,
    pid: child.pid,
    configIn(folder, routes = [ORDERS]) {
      const file = join(folder, 'gateway.yaml');
      writeFileSync(file, `routes:\n${routes.map((route) => entry(route, port)).join('')}`);
      return file;
    },
    stop: child.stop,
  };
}

/** An api, a scope and two rate limits, which never refuse. */
function entry({ name, path }: BenchRoute, port: string): string {
  return `  - name: ${name}
    match: { path: ${path} }
    require: { api: default, scopes: ["orders:read"] }
    limits:
      - { name: minute, limit: 1000000, window: 60 }
      - { name: hour, limit: 1000000, window: 3600 }
    upstream: http://127.0.0.1:${port}
`;
}
