/** The body and the header fields of a refusal: RFC 9457 problem details, the same from every door and every middleware. */
import { Buffer } from 'node:buffer';

export interface ProblemDetails {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  /** Header fields that belong to it, such as a challenge. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface FieldError {
  /** JSON pointer (RFC 6901) into the body. */
  readonly pointer: string;
  readonly detail: string;
  readonly code: string;
}

/** Header fields as name, value, name, value: the form that costs least to write. */
export type FlatFields = readonly string[];

/**
 * The body of a problem. Its type is a name, not an address: installations have no host in common that could serve one
 * (RFC 9457 section 3.1.1 allows any URI).
 */
export function problemText({ code, title, status, detail, errors }: ProblemDetails, requestId: string): string {
  return JSON.stringify({ type: `urn:tessera:problem:${code}`, title, status, detail, code, requestId, errors });
}

/** Its header fields with this body, and after them `more`, such as those of a rate limit. */
export function problemFields(text: string, problem: ProblemDetails, told: ToldWith): string[] {
  const fields = jsonFields('application/problem+json', text, told.requestId);
  // 404, 405 and 501 are cacheable by default (RFC 9110 section 15.1); a refusal holds for one request only.
  fields.push('Cache-Control', 'no-store');
  for (const name in problem.headers) fields.push(name, problem.headers[name] ?? '');
  for (const field of told.more ?? []) fields.push(field);
  return fields;
}

export interface ToldWith {
  readonly requestId: string;
  readonly more?: FlatFields;
}

/** Of every answer of our own with a body: its length, a request id, and a type that is not to be guessed. */
export function jsonFields(type: string, text: string, requestId: string): string[] {
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
