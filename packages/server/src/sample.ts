/** What the gateway serves before anything is configured: one route, to the built-in echo, so that the whole loop can be seen. */
import type { RouteConfig } from './core/compiled-route.ts';

/** Any valid token of the default workspace may call it. */
export function sampleRoutes(echoPort: number): readonly RouteConfig[] {
  return [
    {
      name: 'sample',
      match: { path: '/echo/*' },
      upstream: { targets: [{ url: `http://127.0.0.1:${echoPort}`, weight: 1 }] },
    },
  ];
}
