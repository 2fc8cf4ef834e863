/** The gateway: presence, validation, authorization, policy, routing. Nothing reaches an upstream any other way. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Circumstances,
  chain,
  type FlatFields,
  type Ports,
  type Presented,
  type Requirement,
  rateHeaders,
  requirement,
} from '@tessera/verify';
import type { Assertions } from '../core/assertions.ts';
import type { CompiledRoute } from '../core/compiled-route.ts';
import type { FailedCredentials, Recorder } from '../core/door-ports.ts';
import type { Exposures } from '../core/exposures.ts';
import { judge } from '../core/judge.ts';
import type { LiveCalls } from '../core/live-calls.ts';
import { letThrough, passingOf } from '../core/passing.ts';
import type { RouteMatch, RouteTable } from '../core/routes.ts';
import { type EdgeOptions, type Incoming, receive } from '../http/edge.ts';
import { problemOfExposure } from '../http/exposure.ts';
import type { UpgradingHandler } from '../http/listen-options.ts';
import { type Problem, problem } from '../http/problem.ts';
import { refuse } from '../http/refuse.ts';
import { sendNothing, sendProblem } from '../http/send.ts';
import { AcceptedCall, type GatewayLog, type Passed } from './accepted-call.ts';
import { addAssertion } from './add-assertion.ts';
import type { AnswerChanges } from './client-fields.ts';
import { corsFields, preflight } from './cors.ts';
import { forward } from './forward.ts';
import { targetOf } from './rewrite.ts';
import { type Admitted, upstreamFields } from './upstream-fields.ts';
import type { Upstreams } from './upstreams/upstreams.ts';
import { type Handshake, offeredProtocol } from './websocket.ts';
import { withoutOurs } from './without-ours.ts';

export interface GatewayOptions {
  /** The routes of now: they are reloaded while requests run. */
  readonly routes: () => RouteTable;
  readonly edge: EdgeOptions;
  readonly ports: Ports;
  readonly failed: FailedCredentials;
  readonly record: Recorder;
  /** Hears of credentials that came in clear from outside, and were refused. */
  readonly exposures?: Exposures;
  /** A browser asked whether a page of another origin may ask, and was answered. Must not throw. */
  readonly onPreflight?: (isPermitted: boolean) => void;
  readonly live: Pick<LiveCalls, 'follow'>;
  /** Absent: a route that sends one fails. */
  readonly assertions?: Assertions | undefined;
  readonly upstreams: Upstreams;
  readonly log: GatewayLog;
  readonly uploadStallMs?: number;
  readonly tunnelIdleMs?: number;
}

const UPLOAD_STALL_MS = 30_000;
const TUNNEL_IDLE_MS = 300_000;

export function gatewayHandler(options: GatewayOptions): UpgradingHandler {
  return (request, response, connection) => {
    const incoming = receive(request, options.edge);
    if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
    const table = options.routes();
    if (incoming.exposed) {
      // Whatever it carries was sent in clear; one without a credential would be asked for it next, in clear.
      const presented = presentedTo(table.match(incoming.host, incoming.path, incoming.method), incoming);
      options.exposures?.credential({ ...incoming, presented, door: 'gateway' });
      return sendProblem(response, problemOfExposure(presented), incoming);
    }
    const asksFirst = preflight(incoming, table);
    if (asksFirst !== undefined) {
      options.onPreflight?.(asksFirst.isPermitted);
      return sendNothing(response, asksFirst.fields, incoming.requestId);
    }
    const match = table.match(incoming.host, incoming.path, incoming.method);
    const required = requirementOf(match, table);
    const asked = {
      presented: presentedTo(match, incoming),
      requirement: required,
      circumstances: circumstancesOf(incoming, match),
    };
    return chain(judge(asked, options), (judgement) => {
      if (judgement.accepted) {
        const passed = { incoming, connection, match, asked, passing: passingOf(judgement) };
        return route(response, passed, options);
      }
      const passing = letThrough(judgement, match.route);
      if (passing !== undefined) {
        const passed = { incoming: withoutOurs(incoming, judgement), connection, match, asked, passing };
        return route(response, passed, options);
      }
      const status = refuse(response, judgement, {
        requestId: incoming.requestId,
        scopes: required.scopes,
        more: corsFields(match, incoming),
      });
      options.record.verdict(judgement.verdict, {
        door: 'gateway',
        route: match.route?.name,
        status,
        seconds: judgement.seconds,
        request: incoming,
      });
    });
  };
}

/** Where no route takes the request, a stranger still hears 401: what exists is for holders of a valid token to know. */
function requirementOf(match: RouteMatch, table: RouteTable): Requirement {
  if (match.outcome === 'method') return requirement({ workspace: match.workspace });
  return match.route?.requirement ?? table.otherwise;
}

/** Where the route takes a credential in the query, that counts as one too. */
function presentedTo(match: RouteMatch, { presented }: Incoming): Presented {
  const inQuery = match.route?.queryCredential;
  return inQuery === undefined ? presented : { ...presented, queryName: inQuery.name };
}

function circumstancesOf(
  { address, method, origin, path, dpop, certificate }: Incoming,
  match: RouteMatch,
): Circumstances {
  const url = dpop === undefined ? undefined : `${origin.scheme}://${origin.authority}${path}`;
  return { address, method, url, proof: dpop, certificate, cost: match.route?.cost ?? 1 };
}

interface PassedOn extends Passed {
  readonly connection: Socket | undefined;
}

/** Step 5: the request that passes goes where its route says, or nowhere. What it holds is let go of in every case. */
function route(response: ServerResponse, passed: PassedOn, options: GatewayOptions): void {
  try {
    pass(response, passed, options);
  } catch (error) {
    const { verdict } = passed.passing;
    if (verdict.valid) verdict.held?.end('refund');
    throw error;
  }
}

function pass(response: ServerResponse, passed: PassedOn, options: GatewayOptions): void {
  const { incoming, connection, match, passing } = passed;
  const call = new AcceptedCall(passed, options);
  const rates = rateHeaders(passing.verdict.limits);
  const cors = corsFields(match, incoming);
  const ofRefusal = cors.length === 0 ? rates : [...rates, ...cors];
  const offered = offeredProtocol(incoming, connection);
  const destination = destinationOf(match, incoming, offered);
  if ('status' in destination) {
    sendProblem(response, destination, { requestId: incoming.requestId, more: ofRefusal });
    call.ended(destination.status);
    return;
  }
  const { principal, credential } = passing;
  const admitted = { route: destination, principal, credential };
  const target = targetOf(incoming, admitted);
  const fields = upstreamFields(incoming, admitted);
  addAssertion(fields, { incoming, admitted, target }, options.assertions);
  forward(response, incoming, {
    upstream: options.upstreams.of(destination),
    target,
    fields,
    uploadStallMs: options.uploadStallMs ?? UPLOAD_STALL_MS,
    bounds: destination.bounds,
    rates,
    ofRefusal,
    changes: answerChanges(admitted, cors),
    webSocket: offered !== undefined && 'key' in offered ? offered : undefined,
    tunnelIdleMs: options.tunnelIdleMs ?? TUNNEL_IDLE_MS,
    call,
  });
}

/** Changes of the upstream's answer: those of the route, and what pages of other origins may read. */
function answerChanges(
  { route: { transform, queryCredential }, credential }: Admitted,
  cors: FlatFields,
): AnswerChanges {
  const own = (credential?.parameter === undefined ? undefined : queryCredential) ?? transform;
  const unknownToCaches = credential?.scheme === 'key';
  return {
    ...own.response,
    set: cors.length === 0 ? own.response.set : [...own.response.set, ...cors],
    unknownToCaches,
  };
}

function destinationOf(
  match: RouteMatch,
  { bodyBytes }: Incoming,
  offered: Handshake | Problem | undefined,
): CompiledRoute | Problem {
  if (match.outcome === 'none') return problem('not_found');
  if (match.outcome === 'method') return problem('method_not_allowed', { headers: { Allow: match.allow } });
  // Before the upstream hears of it, and before a client that waits for 100 sends it (RFC 9110 section 10.1.1).
  if (bodyBytes !== undefined && bodyBytes > match.route.bounds.maxBodyBytes) return problem('too_large');
  return offered !== undefined && 'status' in offered ? offered : match.route;
}
