/** Plugin for Fastify: every route of the instance is protected, and says in its `config` what it asks beside. */
import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
// Types alone, for what is declared below: nothing of Fastify is imported at run time.
import type {} from 'fastify';
import { chain } from '../maybe-promise.ts';
import type { Principal } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { type Guard, guard } from './guard.ts';
import { type Guarding, type GuardOptions, guarding, type RouteOptions } from './guard-options.ts';
import { followAnswer } from './node-answer.ts';
import { readNode } from './node-request.ts';
import type { Outcome } from './outcome.ts';
import type { Received } from './received.ts';

export type { GuardOptions, RouteOptions } from './guard-options.ts';
export type { Denied } from './outcome.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom the token stands for; undefined where the route is public. */
    tessera: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** What the route asks beside what all are asked; `public`: it takes everybody. */
    tessera?: RouteOptions | 'public';
  }
}

export interface TesseraPluginOptions extends GuardOptions<FastifyRequestLike> {
  readonly verifier: Verifier;
}

/** What is used of Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly originalUrl: string;
  /** By Fastify's own setting `trustProxy`, for `clientAddress`. */
  readonly ip: string;
  readonly routeOptions: RouteLike;
  tessera: Principal | undefined;
}

interface RouteLike {
  readonly config?: { readonly tessera?: RouteOptions | 'public' };
}

interface ReplyLike {
  readonly raw: ServerResponse;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: Uint8Array): unknown;
}

interface InstanceLike {
  decorateRequest(name: 'tessera', value: undefined): unknown;
  addHook(name: 'onRoute', hook: (route: RouteLike) => void): unknown;
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: ReplyLike, done: (error?: Error) => void) => void,
  ): unknown;
}

/**
 * Protects every route of the instance it is registered on and of those below, unknown paths too, so that a route that is
 * added later is not open by mistake. The start fails with a TypeError where an option is not valid.
 *
 *     app.register(tessera, { verifier });
 *     app.get('/orders', { config: { tessera: { scopes: ['orders:read'] } } }, (request) => request.tessera);
 */
export const tessera = Object.assign(
  async (instance: unknown, { verifier, ...options }: TesseraPluginOptions): Promise<void> => {
    const app = instance as InstanceLike;
    const guardOf = routeGuards(verifier, options);
    app.decorateRequest('tessera', undefined);
    // Only of routes that are declared from now on; the others are read when they are called first.
    app.addHook('onRoute', ({ config }) => void guardOf(config?.tessera));
    app.addHook('onRequest', (request, reply, done) => {
      const judge = guardOf(request.routeOptions.config?.tessera);
      if (judge === 'public') return done();
      const applied = chain(judge(request), (outcome) => {
        if (outcome.passes) request.tessera = outcome.caller;
        apply(reply, outcome);
        return outcome.passes;
      });
      if (applied instanceof Promise) applied.then((passes) => passes && done(), done);
      else if (applied) done();
    });
  },
  // What `fastify-plugin` sets: the hooks are those of the instance, not of a scope of the plugin's own.
  { [Symbol.for('skip-override')]: true, [Symbol.for('plugin-meta')]: { name: '@tessera/verify', fastify: '5.x' } },
);

type Asked = RouteOptions | 'public' | undefined;

/** What judges a route, by what its `config` says. Each is made once: routes are few, and stay. */
function routeGuards(
  verifier: Verifier,
  options: GuardOptions<FastifyRequestLike>,
): (asked: Asked) => Guard<FastifyRequestLike> | 'public' {
  const made = new WeakMap<RouteOptions, Guard<FastifyRequestLike>>();
  const { requirement } = guarding(verifier.requirement, options);
  // What the plugin asks of all routes is theirs to narrow, as what the verifier asks.
  const narrower = { requirement, verify: verifier.verify.bind(verifier), follow: verifier.follow.bind(verifier) };
  const make = (route: RouteOptions) => guard(narrower, { ...ofService(options), ...route }, read);
  const plain = make({});
  return (asked) => {
    if (asked === undefined || asked === 'public') return asked ?? plain;
    const before = made.get(asked);
    if (before !== undefined) return before;
    const judge = make(asked);
    made.set(asked, judge);
    return judge;
  };
}

/** The options that are no requirement: routes say no more than those. */
function ofService(options: GuardOptions<FastifyRequestLike>): GuardOptions<FastifyRequestLike> {
  const { audience, environment, scopes, kinds, roles, proof, clientCertificate, ip, ...service } = options;
  return service;
}

function read(request: FastifyRequestLike, asks: Guarding<FastifyRequestLike>): Received {
  return readNode(request.raw, { target: request.originalUrl, incoming: request }, asks);
}

function apply(reply: ReplyLike, outcome: Outcome): void {
  const { fields } = outcome;
  for (let at = 0; at + 1 < fields.length; at += 2) reply.header(fields[at] ?? '', fields[at + 1] ?? '');
  if (!outcome.passes) {
    reply.code(outcome.status);
    // As bytes: to a text Fastify adds a charset, of which JSON has none (RFC 8259 section 11).
    reply.send(Buffer.from(outcome.text));
    return;
  }
  if (outcome.unknownToCaches) reply.header('Cache-Control', 'private');
  followAnswer(reply.raw, outcome);
}
