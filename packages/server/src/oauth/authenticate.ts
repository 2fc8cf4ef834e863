/** Judges who calls an OAuth endpoint, by the same decision as everybody, and says a refusal in the words of OAuth. */
import { type Deny, denials, problemOfDenial, requirement, type TokenFacts } from '@tessera/verify';
import type { Recorder } from '../core/door-ports.ts';
import { type AskedOfRequest, type Judges, judge, type Refused } from '../core/judge.ts';
import type { Incoming } from '../http/edge.ts';
import { challengesFor, type PresentedClient } from './client.ts';
import { OAuthError, type OAuthErrorCode, unavailable } from './oauth-error.ts';

export interface Judging extends Judges {
  readonly recorder: Recorder;
}

/** What the caller may do is told by its scopes, and each endpoint looks at them itself. */
const ANYONE = requirement({});

/** The facts of the token that calls. Throws an `OAuthError` where nobody does, or one that is refused. */
export async function authenticate(
  client: PresentedClient | undefined,
  incoming: Incoming,
  judging: Judging,
): Promise<TokenFacts> {
  if (client === undefined)
    throw new OAuthError('invalid_client', 'the client has to authenticate', {
      headers: { 'WWW-Authenticate': challengesFor(client) },
    });
  const judgement = await judge(askedOf(client, incoming), judging);
  const { verdict } = judgement;
  // What the decision was given by our own look-up comes back as it was.
  const facts = verdict.valid ? (verdict.principal as TokenFacts) : undefined;
  const isOther = facts !== undefined && client.id !== undefined && client.id !== facts.id;
  const status = verdict.valid ? (isOther ? 401 : 200) : denials[verdict.code].status;
  judging.recorder.verdict(verdict, { door: 'oauth', route: undefined, status, seconds: judgement.seconds });
  if (!judgement.accepted) throw errorOf(judgement, client);
  if (facts === undefined || isOther) throw notKnown(client);
  return facts;
}

export function askedOf({ presented }: Pick<PresentedClient, 'presented'>, incoming: Incoming): AskedOfRequest {
  const { address, method, dpop } = incoming;
  return {
    presented,
    requirement: ANYONE,
    circumstances: { address, method, url: urlOf(incoming), proof: dpop, cost: 1 },
  };
}

/** What a proof of possession speaks of (RFC 9449 section 4.2): the endpoint as the caller addressed it. */
export function urlOf({ origin, path }: Incoming): string {
  return `${origin.scheme}://${origin.authority}${path}`;
}

/** Where the caller lacks a scope: of a bearer token that is said so, and a client is not authorized (RFC 6749 section 5.2). */
export function lacks(scope: string, client: PresentedClient | undefined): OAuthError {
  const description = `the token of the caller needs the scope ${scope}`;
  if (client !== undefined && client.how !== 'token') return new OAuthError('unauthorized_client', description);
  const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
  return new OAuthError('insufficient_scope', description, { headers: { 'WWW-Authenticate': challenge } });
}

function errorOf({ verdict, empty, retryAfterSeconds }: Refused, client: PresentedClient): OAuthError {
  if (empty) return new OAuthError('invalid_request', 'the credential of the caller is empty');
  const { headers } = problemOfDenial(verdict, { audience: 'stranger', scopes: [], retryAfterSeconds });
  const { status } = denials[verdict.code];
  if (verdict.code === 'missing')
    return new OAuthError('invalid_client', 'the client has to authenticate', {
      headers: { 'WWW-Authenticate': challengesFor(undefined) },
    });
  if (status === 401) return client.how === 'token' ? ofToken(verdict, headers) : notKnown(client);
  return refusalOf(verdict, headers);
}

/** Of a refusal that is no 401: what it is does not depend on how the token was presented. */
export function refusalOf(verdict: Deny, headers: Readonly<Record<string, string>> = {}): OAuthError {
  const { status, public: description } = denials[verdict.code];
  const codes: Readonly<Record<number, OAuthErrorCode>> = {
    400: 'invalid_request',
    403: 'access_denied',
    429: 'temporarily_unavailable',
  };
  const code = codes[status];
  return code === undefined ? unavailable(description) : new OAuthError(code, description, { status, headers });
}

function ofToken({ code }: Deny, headers: Readonly<Record<string, string>> = {}): OAuthError {
  const isProof = code === 'proof_invalid' || code === 'replayed';
  return new OAuthError(isProof ? 'invalid_dpop_proof' : 'invalid_token', 'the token of the caller is not valid here', {
    status: 401,
    headers,
  });
}

function notKnown(client: PresentedClient): OAuthError {
  return new OAuthError('invalid_client', 'the client or its secret is not known', {
    headers: { 'WWW-Authenticate': challengesFor(client) },
  });
}
