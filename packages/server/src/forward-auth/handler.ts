/** Forward authentication: the gateway's decision as status and header fields, for a proxy that is there already. */
import type { ServerResponse } from 'node:http';
import { chain, type Ports, type Requirement, requirement } from '@tessera/verify';
import type { FailedCredentials, Recorder } from '../core/door-ports.ts';
import { type Accepted, judge } from '../core/judge.ts';
import type { RouteTable } from '../core/routes.ts';
import { type EdgeOptions, receive } from '../http/edge.ts';
import { addIdentity } from '../http/identity.ts';
import type { Handler } from '../http/listen-options.ts';
import { problem } from '../http/problem.ts';
import { rateHeaders } from '../http/rate-headers.ts';
import { refuse } from '../http/refuse.ts';
import { sendProblem } from '../http/send.ts';
import { askedBy } from './asked.ts';
import { clientOf, type Original, originalOf } from './original.ts';

export interface ForwardAuthOptions {
  /** The routes of now: they are reloaded while requests run. */
  readonly routes: () => RouteTable;
  readonly edge: EdgeOptions;
  readonly ports: Ports;
  readonly failed: FailedCredentials;
  readonly record: Recorder;
}

/**
 * Answers 200 with `X-Tessera-*`, or the status of the denial. What is asked comes from the query where that names an api
 * or scopes, else from the route of the original request; where neither is told, any valid token of the default workspace passes.
 */
export function forwardAuthHandler(options: ForwardAuthOptions): Handler {
  return (request, response) => {
    const incoming = receive(request, options.edge);
    if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
    const { requestId, presented, dpop } = incoming;
    const original = originalOf(request);
    const asked = askedBy(incoming.query, options.routes().otherwise);
    if (original === 'invalid' || asked === 'invalid') {
      const detail = asked === 'invalid' ? ODD_QUERY : ODD_ORIGINAL;
      return sendProblem(response, problem('invalid_request', { detail }), { requestId });
    }
    const rule = asked === undefined ? ruleOf(original, options.routes()) : { ...NO_ROUTE, asked, passes: true };
    const judged = judge(
      {
        // A credential in the query of the original request counts as a second one, as it does at the gateway.
        presented: { ...presented, query: original?.query ?? '', queryName: rule.inQuery },
        requirement: rule.asked,
        circumstances: {
          address: clientOf(request, options.edge.trusted).address,
          method: original?.method,
          url: original && `${original.scheme}://${original.host.text}${original.path}`,
          proof: dpop,
          cost: 1,
        },
      },
      options,
    );
    return chain(judged, (judgement) => {
      const status = judgement.accepted
        ? accept(response, judgement, { requestId, passes: rule.passes })
        : refuse(response, judgement, { requestId, scopes: rule.asked.scopes });
      options.record.verdict(judgement.verdict, { door: 'forward-auth', route: rule.name, status, request: incoming });
    });
  };
}

const ODD_QUERY = 'Only api, once, and scope are known in the query, and neither is empty.';
const ODD_ORIGINAL = 'X-Forwarded-Method, -Host and -Uri must be sent once each, and well formed.';

interface Rule {
  /** Name of the route. */
  readonly name: string | undefined;
  readonly asked: Requirement;
  /** Whether there is anywhere to pass to. */
  readonly passes: boolean;
  /** The query parameter that a credential is accepted in. The proxy must take it out of what it passes on. */
  readonly inQuery: string | undefined;
}

const NO_ROUTE = { name: undefined, inQuery: undefined };

function ruleOf(original: Original | undefined, table: RouteTable): Rule {
  if (original === undefined) return { ...NO_ROUTE, asked: table.otherwise, passes: true };
  const match = table.match(original.host.name, original.path, original.method);
  switch (match.outcome) {
    case 'route':
      return {
        name: match.route.name,
        asked: match.route.requirement,
        passes: true,
        inQuery: match.route.queryCredential?.name,
      };
    case 'method':
      return { ...NO_ROUTE, asked: requirement({ workspace: match.workspace }), passes: false };
    case 'none':
      return { ...NO_ROUTE, asked: table.otherwise, passes: false };
  }
}

/** The proxy's answer to its client may be cached; ours, which holds for one request, may not. */
function accept(
  response: ServerResponse,
  { verdict }: Accepted,
  { requestId, passes }: { readonly requestId: string; readonly passes: boolean },
): number {
  const rates = rateHeaders(verdict.limits);
  if (!passes) {
    // Proxies understand 2xx, 401 and 403 from an authorizer; 404 and 405 become faults in some of them.
    sendProblem(response, problem('forbidden', { detail: 'No route takes this request.' }), { requestId, more: rates });
    return 403;
  }
  const fields = ['Content-Length', '0', 'Cache-Control', 'no-store', 'X-Request-Id', requestId, ...rates];
  addIdentity(fields, verdict.principal);
  response.writeHead(200, fields);
  response.end();
  return 200;
}
