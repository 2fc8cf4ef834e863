/** Turns the name of an operation and its input into a request: a value, so that every attempt sends the same. */
import type { OperationName } from '@tessera/contract';
import type { AnyCallInput } from './call-types.ts';
import type { Settings } from './client-options.ts';
import { operations } from './operations.ts';

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Whether it may be sent again although it may have been carried out. */
  readonly repeatable: boolean;
  /** What an answer must not be quoted with, besides the token of the client. */
  readonly secrets?: readonly string[];
  /** A success is the status alone, and there is nothing to read. */
  readonly answersNothing?: boolean;
}

/** @throws RangeError when a parameter cannot be one segment of a path, or a header value cannot be sent */
export function makeRequest(name: OperationName, input: AnyCallInput, settings: Settings): Request {
  const { method, path, changes } = operations[name];
  const headers: Record<string, string> = {
    accept: 'application/json',
    authorization: `Bearer ${settings.token}`,
    'user-agent': settings.userAgent,
  };
  if (settings.workspace !== undefined) headers['tessera-workspace'] = settings.workspace;
  if (input.ifMatch !== undefined) headers['if-match'] = sendable('ifMatch', input.ifMatch);
  if (input.body !== undefined) headers['content-type'] = 'application/json';
  const isKeyed = method === 'POST' && changes;
  if (isKeyed) {
    headers['idempotency-key'] = sendable('idempotencyKey', input.idempotencyKey ?? crypto.randomUUID());
  }
  return {
    method,
    url: settings.baseUrl + fillPath(path, input.params ?? {}) + queryString(input.query ?? {}),
    headers,
    body: input.body === undefined ? undefined : JSON.stringify(input.body),
    repeatable: input.repeatable ?? (method === 'GET' || isKeyed),
  };
}

function fillPath(template: string, params: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    // Dots alone would be resolved as steps in the path and reach another operation.
    if (value === undefined || /^\.{0,2}$/.test(value)) throw new RangeError(`${name} cannot be part of a path`);
    return encodeURIComponent(value);
  });
}

function queryString(query: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.append(name, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

function sendable(name: string, value: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(value)) throw new RangeError(`${name} must be 1 to 255 printable ASCII characters`);
  return value;
}
