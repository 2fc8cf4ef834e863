/** Protects a handler of node:http, or any with its arguments (node:https, node:http2's compatibility API). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard-options.ts';
import { answerRefused, preparePassed } from './node-answer.ts';
import { readNode } from './node-request.ts';

export type { GuardOptions, RouteOptions } from './guard-options.ts';
export type { Denied } from './outcome.ts';

/** Hears of requests that passed alone; `caller` is whom the token stands for. */
export type ProtectedHandler = (request: IncomingMessage, response: ServerResponse, caller: Principal) => unknown;

/**
 * Throws a TypeError where an option is not valid. What the handler returns is returned, so that errors go where they went.
 *
 *     createServer(protect(verifier, { scopes: ['orders:read'] }, (request, response, caller) => response.end(caller.id)));
 */
export function protect(
  verifier: Verifier,
  options: GuardOptions<IncomingMessage>,
  handler: ProtectedHandler,
): (request: IncomingMessage, response: ServerResponse) => MaybePromise<unknown> {
  const judge = guard<IncomingMessage>(verifier, options, (request, guarding) =>
    readNode(request, { target: request.url ?? '', incoming: request }, guarding),
  );
  return (request, response) =>
    chain(judge(request), (outcome): unknown => {
      if (!outcome.passes) return answerRefused(response, outcome);
      preparePassed(response, outcome);
      return handler(request, response, outcome.caller);
    });
}
