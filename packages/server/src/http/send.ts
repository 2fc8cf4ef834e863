/** Answers of our own: a problem or JSON, always with a length, a request id and a type that is not to be guessed. */
import { Buffer } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import { discardRest } from './discard-rest.ts';
import type { Problem } from './problem.ts';

/** Header fields as name, value, name, value: the form that costs least to write. */
export type FlatFields = readonly string[];

export interface JsonOptions {
  readonly requestId: string;
  /** The answer holds a secret: no cache may keep it. */
  readonly noStore?: boolean;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

/** Sends an object as JSON, or a text that is JSON already. */
export function sendJson(response: ServerResponse, status: number, body: string | object, options: JsonOptions): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const fields = fieldsOf('application/json', text, options.requestId);
  if (options.noStore === true) fields.push('Cache-Control', 'no-store');
  if (options.headers !== undefined) for (const name in options.headers) fields.push(name, options.headers[name] ?? '');
  response.writeHead(status, fields);
  response.end(text);
}

/** Sends an answer without a body: its fields say everything. */
export function sendNothing(response: ServerResponse, fields: FlatFields, requestId: string): void {
  response.writeHead(204, [...fields, 'X-Request-Id', requestId]);
  response.end();
  discardRest(response.req);
}

/** Sends a problem; `more` are further header fields, such as those of a rate limit. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  { requestId, more = [] }: { readonly requestId: string; readonly more?: FlatFields },
): void {
  const text = problemText(problem, requestId);
  const fields = fieldsOf('application/problem+json', text, requestId);
  // 404, 405 and 501 are cacheable by default (RFC 9110 section 15.1); a refusal holds for one request only.
  fields.push('Cache-Control', 'no-store');
  // The rest of such a body is not waited for.
  if (problem.status === 408 || problem.status === 413) fields.push('Connection', 'close');
  const headers = problem.headers ?? NOTHING;
  for (const name in headers) fields.push(name, headers[name] ?? '');
  for (const field of more) fields.push(field);
  response.writeHead(problem.status, fields);
  response.end(text);
  discardRest(response.req);
}

/**
 * The body of a problem. Its type is a name, not an address: installations have no host in common that could serve one
 * (RFC 9457 section 3.1.1 allows any URI).
 */
export function problemText({ code, title, status, detail, errors }: Problem, requestId: string): string {
  return JSON.stringify({ type: `urn:tessera:problem:${code}`, title, status, detail, code, requestId, errors });
}

function fieldsOf(type: string, text: string, requestId: string): string[] {
  return [
    'Content-Type',
    type,
    'Content-Length',
    String(Buffer.byteLength(text)),
    'X-Content-Type-Options',
    'nosniff',
    'X-Request-Id',
    requestId,
  ];
}
