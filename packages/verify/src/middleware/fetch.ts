/** Protects a handler of the Fetch standard: Bun, Deno, workers, route handlers of Next.js, anything from Request to Response. */
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { finishResponse, refusedResponse } from './fetch-answer.ts';
import { readFetch } from './fetch-request.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard-options.ts';

export type { GuardOptions, RouteOptions } from './guard-options.ts';
export type { Denied } from './outcome.ts';

/** Hears of requests that passed alone; `caller` is whom the token stands for, `rest` whatever the platform passes on. */
export type ProtectedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  caller: Principal,
  ...rest: Rest
) => Response | Promise<Response>;

/** A `Request` has no connection, so that proxies are nothing it could tell of. */
export type FetchOptions = Omit<GuardOptions<Request>, 'trustedProxies' | 'trustedHops' | 'forwardedHeader'>;

/**
 * Throws a TypeError where an option is not valid.
 *
 *     export default { fetch: protect(verifier, { scopes: ['orders:read'] }, (request, caller) => Response.json(caller)) };
 */
export function protect<Rest extends readonly unknown[] = []>(
  verifier: Verifier,
  options: FetchOptions,
  handler: ProtectedHandler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const judge = guard<Request>(verifier, options, (request, guarding) => readFetch(request, request, guarding));
  return async (request, ...rest) => {
    const outcome = await judge(request);
    if (!outcome.passes) return refusedResponse(outcome, request.method);
    try {
      return finishResponse(await handler(request, outcome.caller, ...rest), outcome);
    } finally {
      outcome.held?.end('keep');
    }
  };
}
