/** Checks what came in against the contract: every fault at once, each with a pointer, none echoing what was sent. */
import type { IncomingMessage } from 'node:http';
import type { Operation } from '@tessera/contract';
import type { z } from 'zod';
import { type InputError, Refusal } from '../core/refusal.ts';

const MAX_ERRORS = 50;

/** Parses the body; throws `invalid_input`. Keys that reach for prototypes are refused wherever they stand. */
export function parseBody(operation: Operation, value: unknown): unknown {
  return operation.body === undefined ? undefined : check(operation.body, value, '');
}

/** A parameter may come once; one that the operation does not know is an error. */
export function parseQuery(operation: Operation, query: string): unknown {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(values, name))
      throw refused([{ pointer: `?${safe(name)}`, detail: 'must be given once', code: 'repeated' }]);
    values[name] = value;
  }
  if (operation.query === undefined) {
    const [name] = Object.keys(values);
    if (name !== undefined)
      throw refused([{ pointer: `?${safe(name)}`, detail: 'unknown query parameter', code: 'unrecognized_keys' }]);
    return undefined;
  }
  return check(operation.query, { ...values }, '?');
}

function check(schema: z.ZodType, value: unknown, at: '' | '?'): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refused(result.error.issues.slice(0, MAX_ERRORS).flatMap((issue) => errorsOf(issue, at)));
}

function refused(errors: readonly InputError[]): Refusal {
  return new Refusal(
    'invalid_input',
    errors[0] ? `${errors[0].pointer || 'body'}: ${errors[0].detail}` : 'the input is not valid',
    errors,
  );
}

function errorsOf(issue: z.core.$ZodIssue, at: '' | '?'): InputError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointer([...path, key], at),
      detail: 'unknown member',
      code: 'unrecognized_keys',
    }));
  }
  return [{ pointer: pointer(path, at), detail: lowerFirst(issue.message), code: issue.code }];
}

/** RFC 6901 for bodies; `?name` for the query. */
function pointer(path: readonly string[], at: '' | '?'): string {
  if (at === '?') return `?${path.map(safe).join('.')}`;
  return path.map((part) => `/${safe(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Member names are the caller's text: bounded, and without control characters. */
function safe(name: string): string {
  return Array.from(name.slice(0, 100), (character) =>
    character < ' ' || character === '\x7f' ? '?' : character,
  ).join('');
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** JSON in UTF-8, not compressed; nothing else is guessed at. */
export function isJson(request: IncomingMessage): boolean {
  const type = request.headers['content-type'];
  if (type === 'application/json') return request.headers['content-encoding'] === undefined;
  if (type === undefined || (request.headers['content-encoding'] ?? 'identity') !== 'identity') return false;
  return /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i.test(type);
}
