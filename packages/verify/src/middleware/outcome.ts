/** What became of a request, ready to be written. Middleware applies it, and decides nothing. */
import { type DenialProblem, problemOfDenial, problemOfEmptyCredential } from '../answers/problem-of-denial.ts';
import { type FlatFields, problemFields, problemText } from '../answers/problem-text.ts';
import { rateHeaders } from '../answers/rate-headers.ts';
import { isRequestId, newRequestId } from '../answers/request-id.ts';
import type { LiveCall } from '../live/live-calls.ts';
import { presence } from '../presence.ts';
import type { Allow, Deny, Held, Principal } from '../verdict.ts';
import type { Received } from './received.ts';

export type Outcome = Passed | Refused;

export interface Passed {
  readonly passes: true;
  readonly caller: Principal;
  /** Header fields of the answer, whatever it will be: how limits stand. */
  readonly fields: FlatFields;
  /** Its credential is none that caches know: where the service says nothing of caches, the answer is `private`. */
  readonly unknownToCaches: boolean;
  /** Ended by the middleware when the answer is over. */
  readonly held: Held | undefined;
  /** Until the middleware ends it: an answer that lasts is cut where its token may no longer get it. `cut` must not throw. */
  follow(cut: (refusal: Refused) => void): LiveCall;
}

export interface Refused {
  readonly passes: false;
  readonly status: number;
  readonly fields: FlatFields;
  readonly text: string;
  readonly denied: Denied;
}

/** What the service itself hears of a refusal. */
export interface Denied {
  /** The precise reason; `invalid_request`: two proofs of possession, or an empty credential. */
  readonly code: Deny['code'] | 'invalid_request';
  readonly status: number;
  /** What the operator should know beyond that. Never holds a secret. */
  readonly detail: string | undefined;
  /** As the answer has it. */
  readonly requestId: string;
  /** Known once the token was found. */
  readonly caller: Principal | undefined;
}

export function passed({ principal, limits, held }: Allow, { presented }: Received, follow: Passed['follow']): Passed {
  // A request that passes presented exactly one credential.
  const unknownToCaches = presented.apiKey.length > 0;
  return { passes: true, caller: callerOf(principal), fields: rateHeaders(limits), unknownToCaches, held, follow };
}

/** @param scopes What the route requires, for the challenge. */
export function refused(denial: Deny, received: Received, scopes: readonly string[]): Refused {
  if (denial.code === 'missing' && presence(received.presented).outcome === 'empty')
    return notUnderstood(problemOfEmptyCredential(), received);
  const problem = problemOfDenial(denial, { audience: 'stranger', scopes });
  return told(problem, requestIdOf(received), {
    code: denial.code,
    detail: denial.detail,
    caller: denial.principal && callerOf(denial.principal),
    fields: rateHeaders(denial.limits),
  });
}

/** Refused before there was anything to judge. */
export function notUnderstood(problem: DenialProblem, received: Received): Refused {
  const { detail } = problem;
  return told(problem, requestIdOf(received), { code: 'invalid_request', detail, caller: undefined, fields: [] });
}

function told(
  problem: DenialProblem,
  requestId: string,
  { fields: more, ...known }: Pick<Denied, 'code' | 'detail' | 'caller'> & { readonly fields: FlatFields },
): Refused {
  const { status } = problem;
  const text = problemText(problem, requestId);
  const fields = problemFields(text, problem, { requestId, more });
  return { passes: false, status, fields, text, denied: Object.freeze({ ...known, status, requestId }) };
}

function requestIdOf({ requestIds }: Received): string {
  const [own, second] = requestIds;
  return own !== undefined && second === undefined && isRequestId(own) ? own : newRequestId();
}

/**
 * The decision knows more of a token than a handler should see or a log should hold: digests are among it. The lists are the
 * handler's own: what it adds to one is no scope of the next request.
 */
function callerOf({ id, kind, name, workspace, owner, api, environment, scopes, expiresAt }: Principal): Principal {
  return Object.freeze({
    id,
    kind,
    name,
    workspace: { id: workspace.id },
    owner: owner && { id: owner.id, type: owner.type, roles: [...owner.roles] },
    api: { id: api.id, audience: api.audience },
    environment,
    scopes: [...scopes],
    expiresAt,
  });
}
