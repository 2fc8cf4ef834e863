/** Middleware for Hono, on every platform it runs on. */
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { fieldsOfAnswer, refusedResponse } from './fetch-answer.ts';
import { followHandler } from './fetch-following.ts';
import { readFetch } from './fetch-request.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard-options.ts';
import { followAnswer } from './node-answer.ts';
import { nodeBindings } from './node-bindings.ts';
import { readNode } from './node-request.ts';
import type { Passed } from './outcome.ts';

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
  get res(): Response;
  set res(response: Response | undefined);
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
    const node = nodeBindings(c.env)?.incoming;
    if (node === undefined) return readFetch(c.req.raw, c, guarding);
    return readNode(node, { target: node.url ?? '', incoming: c }, guarding);
  });
  return async (c, next) => {
    const outcome = await judge(c);
    if (!outcome.passes) return refusedResponse(outcome, c.req.raw.method);
    c.set('tessera', outcome.caller);
    const node = nodeBindings(c.env)?.outgoing;
    if (node !== undefined) {
      followAnswer(node, outcome);
      await next();
      addFields(c, outcome);
      return undefined;
    }
    const following = followHandler(outcome, c.req.raw.method);
    try {
      await next();
      addFields(c, outcome);
      const answer = following.answer(c.res);
      // To a response that takes the place of another Hono adds the fields of that.
      c.res = undefined;
      c.res = answer;
    } finally {
      following.handled();
    }
    return undefined;
  };
}

function addFields(c: HonoContext, passed: Passed): void {
  const fields = fieldsOfAnswer(c.res, passed);
  for (let at = 0; at + 1 < fields.length; at += 2) c.header(fields[at] ?? '', fields[at + 1] ?? '');
}
