/** Middleware for Hono, on every platform it runs on. */
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { fieldsOfAnswer, refusedResponse } from './fetch-answer.ts';
import { readFetch } from './fetch-request.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard-options.ts';
import { type NodeRequest, readNode } from './node-request.ts';

export type { GuardOptions, RouteOptions } from './guard-options.ts';
export type { Denied } from './outcome.ts';

/** For `new Hono<TesseraEnv>()`: what `c.get('tessera')` gives behind `protect`. */
export interface TesseraEnv {
  Variables: {
    /** Whom the token stands for. */
    tessera: Principal;
  };
}

/** What is used of Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  readonly env: unknown;
  readonly res: Response;
  set(name: string, value: unknown): void;
  header(name: string, value: string): void;
}

/**
 * Throws a TypeError where an option is not valid. Under Node (`@hono/node-server`) the connection tells who the client is, or
 * the trusted proxies do; elsewhere `clientAddress` must.
 *
 *     app.get('/orders', protect(verifier, { scopes: ['orders:read'] }), (c) => c.json(c.get('tessera')));
 */
export function protect(
  verifier: Verifier,
  options: GuardOptions<HonoContext> = {},
): (c: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const judge = guard<HonoContext>(verifier, options, (c, guarding) => {
    const node = nodeRequestOf(c.env);
    if (node === undefined) return readFetch(c.req.raw, c, guarding);
    return readNode(node, { target: node.url ?? '', incoming: c }, guarding);
  });
  return async (c, next) => {
    const outcome = await judge(c);
    if (!outcome.passes) return refusedResponse(outcome, c.req.raw.method);
    c.set('tessera', outcome.caller);
    try {
      await next();
    } finally {
      outcome.held?.end('keep');
    }
    const fields = fieldsOfAnswer(c.res, outcome);
    for (let at = 0; at + 1 < fields.length; at += 2) c.header(fields[at] ?? '', fields[at + 1] ?? '');
    return undefined;
  };
}

interface Bindings {
  readonly incoming?: NodeRequest & { readonly url?: string | undefined };
}

/** What `@hono/node-server` hands on: the request as it came, in which nothing is joined yet. */
function nodeRequestOf(env: unknown): Bindings['incoming'] {
  const { incoming } = (env ?? {}) as Bindings;
  return Array.isArray(incoming?.rawHeaders) ? incoming : undefined;
}
