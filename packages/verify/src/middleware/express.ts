/** Middleware for Express, and for what takes the same three arguments (Connect, restify, Polka). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { chain } from '../maybe-promise.ts';
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard-options.ts';
import { answerRefused, preparePassed } from './node-answer.ts';
import { readNode } from './node-request.ts';

export type { GuardOptions, RouteOptions } from './guard-options.ts';
export type { Denied } from './outcome.ts';

declare global {
  namespace Express {
    interface Request {
      /** Whom the token stands for; undefined where the route is not protected. */
      tessera?: Principal | undefined;
    }
  }
}

/** What is read of Express's request beside what node:http knows. */
export interface ExpressRequest extends IncomingMessage {
  /** The target before routers cut off what they are mounted under. */
  readonly originalUrl?: string;
  /** By Express's own setting `trust proxy`, for `clientAddress`. */
  readonly ip?: string | undefined;
  tessera?: Principal | undefined;
}

/**
 * Throws a TypeError where an option is not valid. Protects what comes after it: once for all routes, or on each with its own
 * options, but not both, for every one that a request passes judges, and counts, anew.
 *
 *     app.get('/orders', protect(verifier, { scopes: ['orders:read'] }), (request, response) => response.json(request.tessera));
 */
export function protect(
  verifier: Verifier,
  options: GuardOptions<ExpressRequest> = {},
): (request: ExpressRequest, response: ServerResponse, next: (error?: unknown) => void) => void {
  const judge = guard<ExpressRequest>(verifier, options, (request, guarding) =>
    readNode(request, { target: request.originalUrl ?? request.url ?? '', incoming: request }, guarding),
  );
  return (request, response, next) => {
    // `next` stands outside: what the handlers after it throw is theirs, and no reason to answer twice.
    const apply = (outcome: Awaited<ReturnType<typeof judge>>): boolean => {
      if (outcome.passes) {
        preparePassed(response, outcome);
        request.tessera = outcome.caller;
      } else answerRefused(response, outcome);
      return outcome.passes;
    };
    const applied = chain(judge(request), apply);
    if (!(applied instanceof Promise)) {
      if (applied) next();
      return;
    }
    applied.then((passes) => passes && next(), next);
  };
}
