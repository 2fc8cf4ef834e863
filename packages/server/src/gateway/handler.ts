/** The gateway: presence, validation, authorization, policy, routing. Nothing reaches an upstream any other way. */
import type { ServerResponse } from 'node:http';
import { type Circumstances, chain, type Ports, type Presented, type Requirement, requirement } from '@tessera/verify';
import type { CompiledRoute } from '../core/compiled-route.ts';
import type { FailedCredentials, Recorder } from '../core/door-ports.ts';
import { type Accepted, judge } from '../core/judge.ts';
import type { RouteMatch, RouteTable } from '../core/routes.ts';
import { type EdgeOptions, type Incoming, receive } from '../http/edge.ts';
import type { Handler } from '../http/listen-options.ts';
import { type Problem, problem } from '../http/problem.ts';
import { rateHeaders } from '../http/rate-headers.ts';
import { refuse } from '../http/refuse.ts';
import { sendProblem } from '../http/send.ts';
import { forward } from './forward.ts';
import { targetOf } from './rewrite.ts';
import { upstreamFields } from './upstream-fields.ts';
import type { Upstreams } from './upstreams.ts';

export interface GatewayOptions {
  /** The routes of now: they are reloaded while requests run. */
  readonly routes: () => RouteTable;
  readonly edge: EdgeOptions;
  readonly ports: Ports;
  readonly failed: FailedCredentials;
  readonly record: Recorder;
  readonly upstreams: Upstreams;
  readonly log: GatewayLog;
  readonly uploadStallMs?: number;
}

export interface GatewayLog {
  /** An upstream failed after the request was accepted. Must not throw. */
  upstreamFailed(failure: { readonly requestId: string; readonly route: string; readonly error: Error }): void;
}

const UPLOAD_STALL_MS = 30_000;

export function gatewayHandler(options: GatewayOptions): Handler {
  return (request, response) => {
    const incoming = receive(request, options.edge);
    if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
    const table = options.routes();
    const match = table.match(incoming.host, incoming.path, incoming.method);
    const asked = requirementOf(match, table);
    const judged = judge(
      { presented: presentedTo(match, incoming), requirement: asked, circumstances: circumstancesOf(incoming) },
      options,
    );
    return chain(judged, (judgement) => {
      if (judgement.accepted) return route(response, { incoming, match, accepted: judgement }, options);
      const status = refuse(response, judgement, { requestId: incoming.requestId, scopes: asked.scopes });
      options.record.verdict(judgement.verdict, { door: 'gateway', route: nameOf(match), status, request: incoming });
    });
  };
}

/** Where no route takes the request, a stranger still hears 401: what exists is for holders of a valid token to know. */
function requirementOf(match: RouteMatch, table: RouteTable): Requirement {
  if (match.outcome === 'route') return match.route.requirement;
  return match.outcome === 'none' ? table.otherwise : requirement({ workspace: match.workspace });
}

/** Where the route takes a credential in the query, that counts as one too. */
function presentedTo(match: RouteMatch, { presented }: Incoming): Presented {
  const inQuery = match.outcome === 'route' ? match.route.queryCredential : undefined;
  return inQuery === undefined ? presented : { ...presented, queryName: inQuery.name };
}

function circumstancesOf({ address, method, origin, path, dpop }: Incoming): Circumstances {
  const url = dpop === undefined ? undefined : `${origin.scheme}://${origin.authority}${path}`;
  return { address, method, url, proof: dpop, cost: 1 };
}

interface Exchange {
  readonly incoming: Incoming;
  readonly match: RouteMatch;
  readonly accepted: Accepted;
}

/** Step 5: the accepted request goes where its route says, or nowhere. */
function route(response: ServerResponse, { incoming, match, accepted }: Exchange, options: GatewayOptions): void {
  const { verdict, credential } = accepted;
  const { requestId } = incoming;
  const rates = rateHeaders(verdict.limits);
  const onEnd = (status: number): void =>
    options.record.verdict(verdict, { door: 'gateway', route: nameOf(match), status, request: incoming });
  const destination = destinationOf(match, incoming);
  if ('status' in destination) {
    sendProblem(response, destination, { requestId, more: rates });
    onEnd(destination.status);
  } else {
    const admitted = { route: destination, credential, principal: verdict.principal };
    const inQuery = credential.parameter === undefined ? undefined : destination.queryCredential;
    forward(response, incoming, {
      dispatcher: options.upstreams.pick(destination.targets),
      target: targetOf(incoming, admitted),
      fields: upstreamFields(incoming, admitted),
      uploadStallMs: options.uploadStallMs ?? UPLOAD_STALL_MS,
      rates,
      changes: (inQuery ?? destination.transform).response,
      onError: (error) => options.log.upstreamFailed({ requestId, route: destination.name, error }),
      onEnd,
    });
  }
}

function destinationOf(match: RouteMatch, { upgrade, bodyBytes }: Incoming): CompiledRoute | Problem {
  if (match.outcome === 'none') return problem('not_found');
  if (match.outcome === 'method') return problem('method_not_allowed', { headers: { Allow: match.allow } });
  // An offer of HTTP/2 may be ignored (RFC 9110 section 7.8), and is: the connection stays as it is.
  if (upgrade === undefined || upgrade.toLowerCase() === 'h2c') return match.route;
  return bodyBytes === 0
    ? problem('upgrade_unsupported')
    : problem('invalid_request', { detail: 'A request to change the protocol has no body.' });
}

function nameOf(match: RouteMatch): string | undefined {
  return match.outcome === 'route' ? match.route.name : undefined;
}
