/** Two routes for the same host, path and method: nothing says which one decides, so neither may. */
import type { z } from 'zod';

interface Matching {
  readonly match: {
    readonly host?: string | undefined;
    readonly path: string;
    readonly methods?: readonly string[] | undefined;
  };
}

/** Refuses each route that takes requests of an earlier one. One that names its methods goes before one that names none. */
export function checkCollisions(routes: readonly Matching[], context: z.core.$RefinementCtx): void {
  const taken = new Map<string, number>();
  for (const [index, { match }] of routes.entries()) {
    const { host = '', path, methods = ['any method'] } = match;
    const keys = methods.map((method) => `${host}${path} ${method}`);
    const first = keys.map((key) => taken.get(key)).find((owner) => owner !== undefined);
    for (const key of keys) if (!taken.has(key)) taken.set(key, index);
    if (first === undefined) continue;
    const message = `takes requests that [${first}] takes: give one of them another host, path or methods`;
    context.addIssue({ code: 'custom', path: [index, 'match'], message });
  }
}
