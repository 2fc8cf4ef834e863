/** What the OAuth endpoints refuse with (RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8693 section 2.2.2, RFC 9449 section 5). */

export const oauthCodes = [
  'invalid_request',
  'invalid_client',
  'invalid_token',
  'insufficient_scope',
  'unauthorized_client',
  'access_denied',
  'invalid_scope',
  'invalid_target',
  'unsupported_grant_type',
  'invalid_dpop_proof',
  'temporarily_unavailable',
  'server_error',
] as const;

/** The `error` of what an OAuth endpoint refuses. */
export type OAuthCode = (typeof oauthCodes)[number];

const known: ReadonlySet<unknown> = new Set(oauthCodes);

export function isOAuthCode(code: unknown): code is OAuthCode {
  return known.has(code);
}
