/** Checks what came in against the contract: every fault at once, each with a pointer, none echoing what was sent. */
import type { Buffer } from 'node:buffer';
import type { Operation } from '@tessera/contract';
import type { z } from 'zod';
import { type InputError, Refusal } from '../core/refusal.ts';
import type { Incoming } from '../http/edge.ts';
import { fieldOf } from '../http/sorted-fields.ts';
import { hasForbiddenKey, parseJson } from '../http/strict-json.ts';

const MAX_ERRORS = 50;

/** The JSON of a body. Throws `malformed_json`; keys that reach for prototypes are `invalid_input` wherever they stand. */
export function jsonBody(raw: Buffer): unknown {
  const parsed = parseJson(raw);
  if (!parsed.ok) throw new Refusal('malformed_json', parsed.detail);
  if (hasForbiddenKey(parsed.value))
    throw refused([{ pointer: '', detail: 'a member name is not allowed', code: 'forbidden_key' }]);
  return parsed.value;
}

/** Whether a text in it, at any depth, has a lone surrogate: no two readers would store or hash it alike. */
export function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => !key.isWellFormed() || hasLoneSurrogate(inner));
}

/** Parses the body; throws `invalid_input`. */
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
  // Cut before they are worded: there may be one for every member of a large body, and one may name them all.
  const issues = result.error.issues.slice(0, MAX_ERRORS);
  throw refused(issues.flatMap((issue) => errorsOf(issue, at)).slice(0, MAX_ERRORS));
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
    return issue.keys.slice(0, MAX_ERRORS).map((key) => ({
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
export function isJson({ fields }: Incoming): boolean {
  const type = fieldOf(fields, 'content-type');
  if (type === undefined || (fieldOf(fields, 'content-encoding') ?? 'identity') !== 'identity') return false;
  if (type === 'application/json') return true;
  return /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i.test(type);
}
