/** Answers of our own: a problem or JSON, always with a length, a request id and a type that is not to be guessed. */
import type { ServerResponse } from 'node:http';
import { type FlatFields, jsonFields, problemFields, problemText } from '@tessera/verify';
import { discardRest } from './discard-rest.ts';
import type { Problem } from './problem.ts';

export interface JsonOptions {
  readonly requestId: string;
  /** The answer holds a secret: no cache may keep it. */
  readonly noStore?: boolean;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Sends an object as JSON, or a text that is JSON already. */
export function sendJson(response: ServerResponse, status: number, body: string | object, options: JsonOptions): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const fields = jsonFields('application/json', text, options.requestId);
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
  const fields = problemFields(text, problem, { requestId, more });
  // The rest of such a body is not waited for.
  if (problem.status === 408 || problem.status === 413) fields.push('Connection', 'close');
  response.writeHead(problem.status, fields);
  response.end(text);
  discardRest(response.req);
}
