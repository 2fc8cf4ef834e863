/** Every code that an error of this client can have. Generated from the contract by `scripts/generate.ts`; not edited by hand. */
import { type OAuthCode, oauthCodes } from './oauth-codes.ts';

const serverCodes = [
  // Problems of the management API.
  'invalid_request',
  'malformed_json',
  'forbidden',
  'insecure_transport',
  'not_found',
  'method_not_allowed',
  'request_timeout',
  'conflict',
  'idempotency_in_flight',
  'precondition_failed',
  'too_large',
  'uri_too_long',
  'unsupported_media_type',
  'invalid_input',
  'idempotency_key_reused',
  'too_many',
  'headers_too_large',
  'internal',
  'overloaded',
  'unavailable',
  // Refusals of the token that the client presents.
  'missing',
  'malformed',
  'unknown',
  'revoked',
  'suspended',
  'disabled',
  'owner_disabled',
  'rotated',
  'expired',
  'not_yet_valid',
  'wrong_audience',
  'wrong_environment',
  'signature_invalid',
  'proof_required',
  'proof_invalid',
  'replayed',
  'insufficient_scope',
  'ip_denied',
  'policy_denied',
  'rate_limited',
  'quota_exceeded',
  'duplicate_credentials',
  'fault',
] as const;

/** What the server says, in the `code` of its problems and the `error` of its OAuth endpoints. */
export type ServerCode = (typeof serverCodes)[number] | OAuthCode;
/**
 * What this client says itself: the kind of a failure where the server said nothing, and `unexpected` for a code of the
 * server that is not in this list.
 */
export type ClientCode = 'network' | 'timeout' | 'protocol' | 'missed' | 'unexpected';
/** Closed: a `switch` over it can be checked to be complete. */
export type ErrorCode = ServerCode | ClientCode;

const known: ReadonlySet<string> = new Set([...serverCodes, ...oauthCodes]);

export function isServerCode(code: string | undefined): code is ServerCode {
  return code !== undefined && known.has(code);
}
