/** The OAuth endpoints over HTTP: find the endpoint, read the form, ask it, answer in the words of OAuth. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonFields } from '@tessera/verify';
import { Refusal } from '../core/refusal.ts';
import { readBody } from '../http/body.ts';
import { discardRest } from '../http/discard-rest.ts';
import type { Incoming } from '../http/edge.ts';
import { problemOfExposure } from '../http/exposure.ts';
import { problem } from '../http/problem.ts';
import { sendProblem } from '../http/send.ts';
import { isForm, parseForm } from '../http/strict-form.ts';
import { presentedClient } from './client.ts';
import { introspect } from './introspect.ts';
import { OAuthError, unavailable } from './oauth-error.ts';
import { parametersIn } from './parameters.ts';
import { revoke } from './revoke.ts';
import type { Endpoint, OAuthAnswer, OAuthServices } from './services.ts';
import { token } from './token.ts';

interface Mounted {
  readonly endpoint: Endpoint;
  /** Whether it changes something, which a data plane does not. */
  readonly changes: boolean;
  /** Parameters that may come more than once. */
  readonly repeatable?: readonly string[];
}

const endpoints: Readonly<Record<string, Mounted>> = {
  '/oauth/introspect': { endpoint: introspect, changes: false },
  '/oauth/revoke': { endpoint: revoke, changes: true },
  '/oauth/token': { endpoint: token, changes: true, repeatable: ['audience', 'resource'] },
};

/** No token is longer than 8 KiB, and a request holds two at most. */
const MAX_FORM_BYTES = 32_768;

export type OAuthHandler = (request: IncomingMessage, response: ServerResponse, incoming: Incoming) => void;

export function oauthHandler(services: OAuthServices): OAuthHandler {
  return (request, response, incoming) => {
    const mounted = Object.hasOwn(endpoints, incoming.path) ? endpoints[incoming.path] : undefined;
    if (mounted === undefined || (mounted.changes && !services.manages))
      return sendProblem(response, problem('not_found', { detail: 'no such path' }), incoming);
    if (incoming.method !== 'POST')
      return sendProblem(response, problem('method_not_allowed', { headers: { Allow: 'POST' } }), incoming);
    // Every request holds a token. What was sent in clear from outside is not even read.
    if (incoming.exposed) return sendProblem(response, problemOfExposure(incoming.presented), incoming);
    timed(response, incoming, services);
    answerTo(request, incoming, { mounted, services }).then(
      (answer) => send(response, answer, incoming),
      (error: unknown) => refuse(response, errorOf(error, incoming, services), incoming),
    );
  };
}

async function answerTo(
  request: IncomingMessage,
  incoming: Incoming,
  { mounted, services }: { readonly mounted: Mounted; readonly services: OAuthServices },
): Promise<OAuthAnswer> {
  // RFC 6749 section 2.3.1: what is secret is never part of an address, which is logged on its way.
  if (incoming.query !== '') throw new OAuthError('invalid_request', 'parameters stand in the body alone');
  if (!isForm(incoming.fields))
    throw new OAuthError('invalid_request', 'the body must be application/x-www-form-urlencoded in UTF-8');
  const raw = await readBody(request, { maxBytes: MAX_FORM_BYTES, timeoutMs: services.bodyTimeoutMs });
  if (typeof raw === 'string') {
    const { status, title } = problem(raw);
    throw new OAuthError('invalid_request', title, { status, headers: { Connection: 'close' } });
  }
  const parsed = parseForm(raw);
  if (!parsed.ok) throw new OAuthError('invalid_request', parsed.detail);
  const parameters = parametersIn(parsed.form, mounted.repeatable);
  return mounted.endpoint({ incoming, parameters, client: presentedClient(incoming, parameters) }, services);
}

/** What was refused is told; what could not be done is told as that and no more, and the log has the reason. */
function errorOf(error: unknown, { requestId }: Incoming, { onError }: OAuthServices): OAuthError {
  if (error instanceof OAuthError) return error;
  if (error instanceof Refusal) return new OAuthError('access_denied', error.detail);
  onError(error, requestId);
  return unavailable('the request could not be carried out: try again');
}

function send(response: ServerResponse, { type, text }: OAuthAnswer, { requestId }: Incoming): void {
  const own =
    type === undefined ? ['Content-Length', '0', 'X-Request-Id', requestId] : jsonFields(type, text, requestId);
  response.writeHead(200, [...own, 'Cache-Control', 'no-store']).end(text);
}

/** RFC 6749 section 5.2. */
function refuse(response: ServerResponse, error: OAuthError, { requestId }: Incoming): void {
  const { code, description, status, headers } = error;
  const text = JSON.stringify({ error: code, error_description: description });
  const fields = [...jsonFields('application/json', text, requestId), 'Cache-Control', 'no-store'];
  for (const [name, values] of Object.entries(headers)) {
    for (const value of typeof values === 'string' ? [values] : values) fields.push(name, value);
  }
  response.writeHead(status, fields).end(text);
  discardRest(response.req);
}

function timed(response: ServerResponse, { path, method }: Incoming, { events }: OAuthServices): void {
  const start = performance.now();
  response.once('close', () =>
    events.answered({ path, method, status: response.statusCode, seconds: (performance.now() - start) / 1000 }),
  );
}
