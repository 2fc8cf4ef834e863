/** What goes wrong at the OAuth endpoints: an error code and its status (RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8693 section 2.2.2). */

const statuses = {
  invalid_request: 400,
  /** The caller is not who it says, or says nothing. */
  invalid_client: 401,
  /** The bearer token that the caller authenticates with. */
  invalid_token: 401,
  insufficient_scope: 403,
  unauthorized_client: 400,
  access_denied: 403,
  invalid_scope: 400,
  invalid_target: 400,
  unsupported_grant_type: 400,
  invalid_dpop_proof: 400,
  /** RFC 6749 section 4.1.2.1 has the code for the other endpoint; clients know it. */
  temporarily_unavailable: 503,
  server_error: 500,
} as const;

export type OAuthErrorCode = keyof typeof statuses;

export interface OAuthErrorMore {
  /** Where the situation has another status than the code has in general. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Thrown by an endpoint, and answered by the door. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  /** In words, for the developer; never what was sent, and without `"` and `\` (RFC 6749 section 5.2). */
  readonly description: string;
  readonly status: number;
  readonly headers: NonNullable<OAuthErrorMore['headers']>;

  constructor(code: OAuthErrorCode, description: string, more: OAuthErrorMore = {}) {
    super(`${code}: ${description}`);
    this.code = code;
    this.description = description.replace(/[^ !#-[\]-~]/g, "'");
    this.status = more.status ?? statuses[code];
    this.headers = more.headers ?? {};
  }
}

/** Something that the answer needs does not answer; the same request can be made again. */
export function unavailable(description: string): OAuthError {
  return new OAuthError('temporarily_unavailable', description, { headers: { 'Retry-After': '1' } });
}
