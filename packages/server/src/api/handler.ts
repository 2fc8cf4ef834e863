/** The management API over HTTP: find the operation, judge the caller, read the input, run it, answer. */
import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Operation, type OperationName, problems, type Query } from '@tessera/contract';
import { actorOf } from '../core/actor.ts';
import type { Call } from '../core/call.ts';
import { type DeniedLog, deniedLog } from '../core/denied-attempts.ts';
import { Refusal } from '../core/refusal.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import type { Incoming } from '../http/edge.ts';
import { type Problem, problem } from '../http/problem.ts';
import { sendJson, sendProblem } from '../http/send.ts';
import type { Answer } from './answer.ts';
import { authenticate, type Caller, workspaceOfCall } from './authenticate.ts';
import { callerBody, wholeBody } from './caller-body.ts';
import { changePages } from './change-pages.ts';
import { type StreamParts, streamChanges, wantsStream } from './changes-stream.ts';
import { hasLoneSurrogate, isJson, jsonBody, parseBody, parseQuery } from './input.ts';
import { findOperation } from './operations-table.ts';
import { problemOfError, refuse } from './problem-of-error.ts';
import { runRead, runWrite } from './run.ts';
import type { ApiServices, ReadName, VerifyName, WriteName } from './services.ts';
import { streamPlaces } from './stream-places.ts';
import { verifyHandler } from './verify.ts';

const NOT_HERE = problem('not_found', { detail: 'this node is a data plane: it has no management API' });

export type ApiHandler = (request: IncomingMessage, response: ServerResponse, incoming: Incoming) => void;

export function apiHandler(services: ApiServices): ApiHandler {
  const verify = verifyHandler(services);
  const streams = { services, pages: changePages(services.store), places: streamPlaces(services.mostStreams) };
  const parts = { services, denied: deniedLog(services), streams };
  return (request, response, incoming) => {
    // The one hot operation goes first, and without a promise where everything is in memory.
    if (incoming.method === 'POST' && incoming.path === '/v1/verify') return verify.one(request, response, incoming);
    const found = findOperation(incoming.method, incoming.path);
    if (found.outcome === 'none') return refuse(response, incoming, problem('not_found', { detail: 'no such path' }));
    if (found.outcome === 'method') {
      return refuse(response, incoming, problem('method_not_allowed', { headers: { Allow: found.allow } }));
    }
    if (services.serves?.(found.operation) === false) return refuse(response, incoming, NOT_HERE);
    if (found.name === 'verify.batch') return verify.batch(request, response, incoming);
    timed(response, { path: found.operation.path, method: found.operation.method }, services);
    serve({ request, response, incoming, ...found }, parts).catch((error: unknown) => {
      refuse(response, incoming, problemOfError(error, incoming, services));
    });
  };
}

/** Tells how long the answer took, by the template of its path. */
function timed(
  response: ServerResponse,
  operation: { readonly path: string; readonly method: string },
  { events }: ApiServices,
): void {
  const start = performance.now();
  response.once('close', () =>
    events.answered({ ...operation, status: response.statusCode, seconds: (performance.now() - start) / 1000 }),
  );
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly incoming: Incoming;
  readonly name: OperationName;
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
}

interface Parts {
  readonly services: ApiServices;
  readonly denied: DeniedLog;
  readonly streams: StreamParts;
}

async function serve(exchange: Exchange, parts: Parts): Promise<void> {
  const { services, denied } = parts;
  const { response, incoming, name, operation, params } = exchange;
  const { requestId, address } = incoming;
  const attempt = { action: name, target: params.id, requestId, address };
  const authentication = await authenticate(incoming, operation.scope, services);
  if ('problem' in authentication) {
    const who = authentication.denial?.principal;
    if (operation.changes && who !== undefined)
      await denied(attempt, { token: who.id, owner: who.owner?.id ?? null, workspace: who.workspace.id });
    return refuse(response, incoming, authentication.problem);
  }
  const { facts } = authentication.caller;
  const who = { token: facts.id, owner: facts.owner?.id ?? null, workspace: facts.workspace.id };
  try {
    const answer = await answerTo(exchange, authentication.caller, parts);
    if (answer?.status === 403) await denied(attempt, who);
    if (answer !== undefined) send(response, incoming, answer);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'forbidden') await denied(attempt, who);
    throw error;
  }
}

/** Undefined: the answer is a stream, and under way. */
async function answerTo(exchange: Exchange, caller: Caller, { services, streams }: Parts): Promise<Answer | undefined> {
  const { request, response, incoming, name, operation, params } = exchange;
  const workspace = await workspaceNamedBy(request, caller, services);
  const query = parseQuery(operation, incoming.query);
  if (name === 'changes.list' && wantsStream(request)) {
    const { since, mark } = query as Query<'changes.list'>;
    await streamChanges({ request, response, incoming, caller, workspace, since, mark }, streams);
    return undefined;
  }
  const raw = await bodyOf(exchange, caller, services);
  const body = operation.body === undefined ? undefined : parseBody(operation, jsonOf(incoming, raw, operation));
  const call = callOf(exchange, { caller, workspace, now: services.clock.now() });
  const input = { call, params, query, body };
  return operation.changes
    ? runWrite(name as WriteName, { ...input, keyed: keyedOf(exchange, { caller, call, raw }) }, services)
    : runRead(name as Exclude<ReadName, VerifyName>, input, services);
}

const EMPTY = Buffer.alloc(0);

/** What takes no body does not wait for one. A change asks within its unit of work whether its caller still stands. */
async function bodyOf(
  { request, incoming, operation }: Exchange,
  caller: Caller,
  services: ApiServices,
): Promise<Buffer> {
  if (operation.body === undefined) return EMPTY;
  if (operation.changes) return wholeBody(request, services);
  return callerBody({ request, incoming, caller, scope: operation.scope }, services);
}

function workspaceNamedBy(request: IncomingMessage, caller: Caller, services: ApiServices): Promise<string> {
  const named = request.headers['tessera-workspace'];
  return workspaceOfCall(caller, typeof named === 'string' ? named : undefined, services);
}

/** `now` is read after the body: it came at the caller's own pace. */
function callOf(
  { request, incoming }: Exchange,
  { caller, workspace, now }: { readonly caller: Caller; readonly workspace: string; readonly now: number },
): Call {
  return {
    actor: actorOf(caller.facts),
    workspace,
    now,
    requestId: withoutSecrets(incoming.requestId),
    address: incoming.address ?? null,
    ifMatch: versionsOf(request.headers['if-match']),
  };
}

/** Strong tags that are not ours match no version (RFC 9110 section 13.1.1). */
function versionsOf(header: string | undefined): readonly number[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  return header.split(',').flatMap((tag) => {
    const version = /^\s*"([0-9]{1,15})"\s*$/.exec(tag);
    return version === null ? [] : [Number(version[1])];
  });
}

function keyedOf(
  { request, operation, incoming }: Exchange,
  { caller, call, raw }: { readonly caller: Caller; readonly call: Call; readonly raw: Buffer },
): Parameters<typeof runWrite>[1]['keyed'] {
  const key = request.headers['idempotency-key'];
  if (operation.method !== 'POST' || typeof key !== 'string') return undefined;
  return {
    key,
    caller: call.actor.token,
    credential: caller.credential.text,
    workspace: call.workspace,
    method: incoming.method,
    path: incoming.path,
    body: raw,
    conditions: request.headers['if-match'] ?? '',
  };
}

function jsonOf(incoming: Incoming, raw: Buffer, operation: Operation): unknown {
  if (raw.length === 0 && operation.bodyOptional) return {};
  if (!isJson(incoming)) throw new Refusal('unsupported_media_type', problems.unsupported_media_type.meaning);
  const value = jsonBody(raw);
  if (hasLoneSurrogate(value))
    throw new Refusal('invalid_input', 'a text is not valid Unicode', [
      { pointer: '', detail: 'a text is not valid Unicode', code: 'lone_surrogate' },
    ]);
  return value;
}

function send(response: ServerResponse, { requestId }: Incoming, answer: Answer): void {
  const { status, body, etag } = answer;
  if (answer.problem) sendProblem(response, JSON.parse(body) as Problem, { requestId });
  else if (status === 204) response.writeHead(204, { 'X-Request-Id': requestId }).end();
  // Nothing here is for a shared cache, and one that knows only Authorization would keep the answer to an API key.
  else
    sendJson(response, status, body, {
      requestId,
      noStore: true,
      headers: etag === undefined ? undefined : { ETag: etag },
    });
}
