/** The management API over HTTP: find the operation, judge the caller, read the input, run it, answer. */
import type { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Operation, OperationName } from '@tessera/contract';
import type { Call } from '../core/call.ts';
import { Refusal } from '../core/refusal.ts';
import { readBody } from '../http/body.ts';
import type { Incoming } from '../http/edge.ts';
import { type Problem, problem } from '../http/problem.ts';
import { sendJson, sendProblem } from '../http/send.ts';
import { hasForbiddenKey, parseJson } from '../http/strict-json.ts';
import type { Answer } from './answer.ts';
import { actorOf, authenticate, type Caller, workspaceOfCall } from './authenticate.ts';
import { streamChanges, wantsStream } from './changes-stream.ts';
import { isJson, parseBody, parseQuery } from './input.ts';
import { findOperation } from './operations-table.ts';
import { problemOfError } from './problem-of-error.ts';
import { runRead, runWrite } from './run.ts';
import type { ApiServices, ReadName, VerifyName, WriteName } from './services.ts';
import { verifyHandler } from './verify.ts';

export type ApiHandler = (request: IncomingMessage, response: ServerResponse, incoming: Incoming) => void;

export function apiHandler(services: ApiServices): ApiHandler {
  const verify = verifyHandler(services);
  return (request, response, incoming) => {
    // The one hot operation goes first, and without a promise where everything is in memory.
    if (incoming.method === 'POST' && incoming.path === '/v1/verify') return verify.one(request, response, incoming);
    const found = findOperation(incoming.method, incoming.path);
    if (found.outcome === 'none') return refuse(response, incoming, problem('not_found', { detail: 'no such path' }));
    if (found.outcome === 'method') {
      return refuse(response, incoming, problem('method_not_allowed', { headers: { Allow: found.allow } }));
    }
    if (found.name === 'verify.batch') return verify.batch(request, response, incoming);
    timed(response, { path: found.operation.path, method: found.operation.method }, services);
    serve({ request, response, incoming, ...found }, services).catch((error: unknown) => {
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

async function serve(exchange: Exchange, services: ApiServices): Promise<void> {
  const { request, response, incoming, name, operation } = exchange;
  const authentication = await authenticate(incoming, operation.scope, services);
  if ('problem' in authentication) {
    if (operation.changes && authentication.denial?.principal)
      await recordDenied(exchange, { services, ...authentication.denial.principal });
    return refuse(response, incoming, authentication.problem);
  }
  const { caller } = authentication;
  const call = await callOf(exchange, caller, services);
  const query = parseQuery(operation, incoming.query);
  if (name === 'changes.list' && wantsStream(request)) {
    return streamChanges(
      { request, response, incoming, caller, call, since: (query as { since?: number }).since },
      services,
    );
  }
  const raw = await bodyOf(request, operation);
  if (typeof raw === 'string') return refuse(response, incoming, problem(raw));
  const body = operation.body === undefined ? undefined : parseBody(operation, jsonOf(raw, operation));
  const input = { call, params: exchange.params, query, body };
  const answer = operation.changes
    ? await runWrite(name as WriteName, { ...input, keyed: keyedOf(exchange, { caller, call, raw }) }, services)
    : await runRead(name as Exclude<ReadName, VerifyName>, input, services);
  if (answer.status === 403)
    await recordDenied(exchange, {
      services,
      id: call.actor.token,
      workspace: { id: call.workspace },
      owner: ownerOf(call),
    });
  send(response, incoming, { answer, secret: operation.secret === true });
}

async function callOf({ request, incoming }: Exchange, caller: Caller, services: ApiServices): Promise<Call> {
  const named = request.headers['tessera-workspace'];
  return {
    actor: actorOf(caller),
    workspace: await workspaceOfCall(caller, typeof named === 'string' ? named : undefined, services),
    now: services.clock.now(),
    requestId: incoming.requestId,
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

type BodyProblem = Extract<Awaited<ReturnType<typeof readBody>>, string>;

async function bodyOf(request: IncomingMessage, operation: Operation): Promise<Buffer | BodyProblem> {
  const raw = await readBody(request);
  if (typeof raw === 'string' || operation.body === undefined || (raw.length === 0 && operation.bodyOptional))
    return raw;
  return isJson(request) ? raw : 'unsupported_media_type';
}

function jsonOf(raw: Buffer, operation: Operation): unknown {
  if (raw.length === 0 && operation.bodyOptional) return {};
  const parsed = parseJson(raw);
  if (!parsed.ok) throw new Refusal('malformed_json', parsed.detail);
  if (hasForbiddenKey(parsed.value))
    throw new Refusal('invalid_input', 'a member name is not allowed', [
      { pointer: '', detail: 'a member name is not allowed', code: 'forbidden_key' },
    ]);
  return parsed.value;
}

/** An attempt beyond one's authority is worth a record; that it cannot be written changes nothing for the one refused. */
async function recordDenied(
  { name, incoming, params }: Exchange,
  who: {
    readonly services: ApiServices;
    readonly id: string;
    readonly workspace: { readonly id: string };
    readonly owner: { readonly id: string } | undefined;
  },
): Promise<void> {
  const { services } = who;
  const target =
    params.id === undefined
      ? null
      : { type: name.slice(0, name.indexOf('.')).replace(/s$/, ''), id: params.id.slice(0, 100) };
  await services.store
    .write(async (tx) =>
      tx.record({
        workspace: who.workspace.id,
        at: services.clock.now(),
        actor: { token: who.id, owner: who.owner?.id ?? null, kind: 'token' },
        action: name,
        target,
        outcome: 'denied',
        requestId: incoming.requestId,
        address: incoming.address ?? null,
        details: {},
      }),
    )
    .catch((error: unknown) => services.onError(error, incoming.requestId));
}

function ownerOf(call: Call): { readonly id: string } | undefined {
  return call.actor.owner === null ? undefined : { id: call.actor.owner };
}

function send(
  response: ServerResponse,
  { requestId }: Incoming,
  { answer, secret }: { readonly answer: Answer; readonly secret: boolean },
): void {
  if (answer.problem) {
    sendProblem(response, JSON.parse(answer.body) as Problem, { requestId });
    return;
  }
  const headers = answer.etag === undefined ? undefined : { ETag: answer.etag };
  if (answer.status === 204) {
    response.writeHead(204, { 'X-Request-Id': requestId }).end();
    return;
  }
  sendJson(response, answer.status, answer.body, { requestId, noStore: secret, headers });
}

function refuse(response: ServerResponse, { requestId }: Incoming, told: Problem): void {
  if (response.headersSent) response.destroy();
  else sendProblem(response, told, { requestId });
}
