/** A service to put the gateway in front of, and the configuration that does so. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child.ts';

export interface Upstream {
  readonly port: string;
  /** Writes a configuration with one route to this service, and returns its path. */
  configIn(folder: string): string;
  stop(): Promise<void>;
}

export async function startUpstream(): Promise<Upstream> {
  const child = startChild(new URL('../processes/upstream.ts', import.meta.url), { core: 'load' });
  const port = await child.printed(/port ([0-9]+)/);
  return {
    port,
    configIn(folder) {
      const file = join(folder, 'gateway.yaml');
      writeFileSync(
        file,
        `routes:
  - name: orders
    match: { path: /orders/* }
    require: { api: default, scopes: ["orders:read"] }
    limits: [{ limit: 1000000, window: 60 }]
    upstream: http://127.0.0.1:${port}
`,
      );
      return file;
    },
    stop: child.stop,
  };
}
