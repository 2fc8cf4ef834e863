/** Forward authentication: the gateway's decision as status and header fields, for a proxy that is there already. */
import type { ServerResponse } from 'node:http';
import { chain, type Ports, rateHeaders } from '@tessera/verify';
import type { FailedCredentials, Recorder } from '../core/door-ports.ts';
import { type Judgement, judge } from '../core/judge.ts';
import { letThrough, type Passing, passingOf } from '../core/passing.ts';
import type { RouteTable } from '../core/routes.ts';
import { type EdgeOptions, receive } from '../http/edge.ts';
import type { Handler } from '../http/listen-options.ts';
import { problem } from '../http/problem.ts';
import { problemOfRefusal } from '../http/refuse.ts';
import { sendProblem } from '../http/send.ts';
import { accept, type DenialForm, deny } from './answers.ts';
import { clientOf } from './original.ts';
import { questionOf } from './question.ts';
import { type Rule, ruleOf } from './rule.ts';

export interface ForwardAuthOptions {
  /** The routes of now: they are reloaded while requests run. */
  readonly routes: () => RouteTable;
  readonly edge: EdgeOptions;
  readonly ports: Ports;
  readonly failed: FailedCredentials;
  readonly record: Recorder;
}

/**
 * Answers 200 with `X-Tessera-*`, or the denial. What is asked comes from the query where that names an api or scopes,
 * else from the route of the original request; where neither is told, any valid token of the default workspace passes.
 */
export function forwardAuthHandler(options: ForwardAuthOptions): Handler {
  return (request, response) => {
    const incoming = receive(request, options.edge);
    if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
    const { requestId, presented, dpop } = incoming;
    const table = options.routes();
    const question = questionOf(request, incoming, table.otherwise);
    const { denials } = question;
    if ('odd' in question)
      return deny(response, problem('invalid_request', { detail: question.odd }), { requestId, denials, rates: [] });
    const { original } = question;
    const rule = ruleOf(question, table);
    const { address } = clientOf(request, options.edge.trusted);
    const judged = judge(
      {
        // A credential in the query of the original request counts as a second one, as it does at the gateway.
        presented: { ...presented, query: original?.query ?? '', queryName: rule.inQuery },
        requirement: rule.asked,
        circumstances: {
          address,
          method: original?.method,
          url: original && `${original.scheme}://${original.host.text}${original.path}`,
          proof: dpop,
          cost: rule.route?.cost ?? 1,
        },
      },
      options,
    );
    return chain(judged, (judgement) => {
      // Whoever asks forwards the request himself: when that is over is not known here, so that no place is held.
      if (judgement.accepted) judgement.verdict.held?.end('keep');
      const passing = judgement.accepted ? passingOf(judgement) : letThrough(judgement, rule.route);
      const status = answer(response, { judgement, passing }, { requestId, denials, rule });
      const { method, path } = original ?? incoming;
      options.record.verdict(judgement.verdict, {
        door: 'forward-auth',
        route: rule.route?.name,
        status,
        seconds: judgement.seconds,
        letThrough: passing?.letThrough === true,
        request: { requestId, method, path, address },
      });
    });
  };
}

interface Answering {
  readonly requestId: string;
  readonly denials: DenialForm;
  readonly rule: Rule;
}

interface Judged {
  readonly judgement: Judgement;
  /** Undefined: it is refused. */
  readonly passing: Passing | undefined;
}

/** Returns the status that is meant for the client, in whatever form the proxy hears it. */
function answer(response: ServerResponse, { judgement, passing }: Judged, answering: Answering): number {
  const { requestId, denials, rule } = answering;
  if (passing !== undefined && rule.passes) {
    accept(response, passing, requestId);
    return 200;
  }
  const denial = judgement.accepted ? NO_ROUTE : problemOfRefusal(judgement, rule.asked.scopes);
  deny(response, denial, { requestId, denials, rates: rateHeaders(judgement.verdict.limits) });
  return denial.status;
}

/** Proxies understand 2xx, 401 and 403 from an authorizer; 404 and 405 become faults in some of them. */
const NO_ROUTE = problem('forbidden', { detail: 'No route takes this request.' });
