/** What is told of a denial, and to whom: status, code, text and the challenges of RFC 6750 and RFC 9449. */
import { type DenialCode, denials } from '../denials.ts';
import type { Deny } from '../verdict.ts';
import type { ProblemDetails } from './problem-text.ts';

/** `invalid_token`: what strangers hear of every credential that is refused as such. `invalid_request`: the credential is empty. */
export interface DenialProblem extends ProblemDetails {
  readonly code: DenialCode | 'invalid_token' | 'invalid_request';
}

export interface DenialAudience {
  /**
   * A stranger hears `invalid_token` for every 401 but `missing`, so that no answer tells whether a token exists, and the
   * public text. A manager of tokens hears the code, and why.
   */
  readonly audience: 'stranger' | 'manager';
  /** What the challenge of `insufficient_scope` names: every scope the resource requires. */
  readonly scopes: readonly string[];
  /** Seconds for `Retry-After`, where no limit of the denial tells them. */
  readonly retryAfterSeconds?: number | undefined;
}

export function problemOfDenial(denial: Deny, told: DenialAudience): DenialProblem {
  const { status, public: title, operator } = denials[denial.code];
  const headers = headersOf(denial, told);
  if (told.audience === 'manager')
    return { status, code: denial.code, title, detail: denial.detail ?? operator, headers };
  if (status === 401 && denial.code !== 'missing')
    return { status, code: 'invalid_token', title: denials.unknown.public, headers };
  // Which of its limits is used up is for the holder of a valid token to know.
  const tellsWhy = denial.code === 'insufficient_scope' || (status === 429 && denial.principal !== undefined);
  const detail = tellsWhy ? denial.detail : undefined;
  return { status, code: denial.code, title, detail, headers };
}

/** A bad request because of its credential: it has one that is empty (RFC 6750 section 3.1). */
export function problemOfEmptyCredential(): DenialProblem {
  return {
    ...notWellFormed('The credential is empty.'),
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_request"' },
  };
}

/** A bad request because of a header field that the decision reads. */
export function notWellFormed(detail: string): DenialProblem {
  return { status: 400, code: 'invalid_request', title: 'The request is not well formed', detail };
}

/** RFC 9449 section 7.1: the algorithms that a proof may be signed with. */
const PROOF_ALGORITHMS = 'EdDSA ES256 PS256 RS256';

function headersOf(denial: Deny, told: DenialAudience): Readonly<Record<string, string>> | undefined {
  switch (denial.code) {
    case 'missing':
      // No error parameter where nothing was presented (RFC 6750 section 3.1).
      return { 'WWW-Authenticate': 'Bearer' };
    case 'duplicate_credentials':
      return { 'WWW-Authenticate': 'Bearer error="invalid_request"' };
    case 'insufficient_scope':
      return { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${told.scopes.join(' ')}"` };
    case 'proof_required':
      return { 'WWW-Authenticate': `Bearer error="invalid_token", DPoP algs="${PROOF_ALGORITHMS}"` };
    case 'proof_invalid':
    case 'replayed':
      return { 'WWW-Authenticate': `DPoP error="invalid_dpop_proof", algs="${PROOF_ALGORITHMS}"` };
    case 'rate_limited':
    case 'quota_exceeded':
      return { 'Retry-After': String(told.retryAfterSeconds ?? longestWait(denial)) };
    case 'ip_denied':
    case 'policy_denied':
      return undefined;
    case 'fault':
      return { 'Retry-After': '1' };
    default:
      return { 'WWW-Authenticate': 'Bearer error="invalid_token"' };
  }
}

function longestWait(denial: Deny): number {
  return denial.limits.reduce((longest, { retryAfterSeconds }) => Math.max(longest, retryAfterSeconds), 1);
}
