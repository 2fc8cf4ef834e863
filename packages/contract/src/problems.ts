/** Every problem of the management API that is no denial of a token: code, status and title (RFC 9457). */

export interface ProblemMeaning {
  readonly status: number;
  readonly title: string;
  /** When it is told, for the reference. */
  readonly meaning: string;
}

const table = {
  invalid_request: {
    status: 400,
    title: 'The request is not well formed',
    meaning: 'An empty credential, or headers that contradict each other.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not valid JSON',
    meaning: 'A syntax error, invalid UTF-8, a duplicate member, or nesting deeper than 32.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    meaning:
      'The token may call the operation, but not with this effect: wider scopes, a later expiry or another owner than its own.',
  },
  insecure_transport: {
    status: 403,
    title: 'TLS is required',
    meaning: 'The request came in clear to a listener of `publicHttp`. A token that it carried is reported as exposed.',
  },
  not_found: { status: 404, title: 'Not found', meaning: 'No such object in this workspace, or no such path.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists; the Allow header names its methods.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    meaning: 'The body did not arrive in time.',
  },
  conflict: {
    status: 409,
    title: 'The state of the object does not allow this',
    meaning: 'Changing a revoked token, a name that is taken, an api that still has tokens.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'The first request with this key is still running',
    meaning: 'Another request with the same Idempotency-Key did not end within 5 seconds.',
  },
  precondition_failed: {
    status: 412,
    title: 'The object has changed',
    meaning: 'If-Match names another version than the current one.',
  },
  too_large: {
    status: 413,
    title: 'The body is too large',
    meaning: 'Over 1 MiB; at the gateway over the bound of the route.',
  },
  uri_too_long: { status: 414, title: 'The request target is too long', meaning: 'Over 8 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'The body must be application/json in UTF-8',
    meaning: 'Another content type, character set or content encoding.',
  },
  invalid_input: {
    status: 422,
    title: 'The input is not valid',
    meaning: 'See errors[]: a pointer, a text and a code for each fault.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    meaning: 'Same key, same operation, another body.',
  },
  too_many: {
    status: 429,
    title: 'Too many at once',
    meaning:
      'The detail says what your token or workspace has as much of as it may, such as streams of the change feed. Close one, or try again later.',
  },
  headers_too_large: { status: 431, title: 'The header section is too large', meaning: 'Over 16 KiB.' },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    meaning: 'The request id finds the reason in the log.',
  },
  overloaded: {
    status: 503,
    title: 'More requests arrive than can be answered',
    meaning: 'The request waited for its turn for a second, and nothing of it was begun. Try again.',
  },
  unavailable: {
    status: 503,
    title: 'The store cannot answer',
    meaning: 'Nothing was changed, as far as is known. Try again with the same Idempotency-Key.',
  },
} as const satisfies Record<string, ProblemMeaning>;

export type ProblemCode = keyof typeof table;
export const problems: Readonly<Record<ProblemCode, ProblemMeaning>> = table;
