/** Protects a handler of the Fetch standard: Bun, Deno, workers, route handlers of Next.js, anything from Request to Response. */
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { finishResponse, refusedResponse } from './fetch-answer.ts';
import { followHandler } from './fetch-following.ts';
import { readFetch } from './fetch-request.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard-options.ts';
import { followAnswer } from './node-answer.ts';
import { nodeBindings } from './node-bindings.ts';

export type { GuardOptions, RouteOptions } from './guard-options.ts';
export type { Denied } from './outcome.ts';

/** Hears of requests that passed alone; `caller` is whom the token stands for, `rest` whatever the platform passes on. */
export type ProtectedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  caller: Principal,
  ...rest: Rest
) => Response | Promise<Response>;

/** A `Request` has no connection, so that proxies and certificates are nothing it could tell of. */
export type FetchOptions = Omit<
  GuardOptions<Request>,
  'trustedProxies' | 'trustedHops' | 'forwardedHeader' | 'clientCertificate'
>;

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
  const { clientCertificate } = options as GuardOptions<Request>;
  if (verifier.requirement.clientCertificate || clientCertificate === true)
    throw new TypeError('a Request cannot tell of the client certificate that is required');
  const judge = guard<Request>(verifier, options, (request, guarding) => readFetch(request, request, guarding));
  return async (request, ...rest) => {
    const outcome = await judge(request);
    if (!outcome.passes) return refusedResponse(outcome, request.method);
    const respond = async () => finishResponse(await handler(request, outcome.caller, ...rest), outcome);
    // Where there is a connection, it is known when the answer is over, and the body need not pass through here.
    const node = nodeBindings(rest[0])?.outgoing;
    if (node !== undefined) {
      followAnswer(node, outcome);
      return respond();
    }
    const following = followHandler(outcome, request.method);
    try {
      return following.answer(await respond());
    } finally {
      following.handled();
    }
  };
}
