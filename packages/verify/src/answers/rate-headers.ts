/** How the limits stand, as header fields: the draft of the IETF, and the three fields that clients still read. */
import type { LimitState } from '../verdict.ts';

/**
 * `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) of the limit closest to exhaustion, then `RateLimit` and
 * `RateLimit-Policy` of all of them (draft-ietf-httpapi-ratelimit-headers). Flat: name, value, name, value; empty without limits.
 * `Retry-After` belongs to the problem that a refusal answers.
 */
export function rateHeaders(limits: readonly LimitState[]): string[] {
  const [first] = limits;
  if (first === undefined) return [];
  let tightest = first;
  let states = '';
  let policies = '';
  for (const limit of limits) {
    if (isTighter(limit, tightest)) tightest = limit;
    const name = quoted(limit.name);
    const comma = states === '' ? '' : ', ';
    states += `${comma}${name};r=${limit.remaining};t=${limit.resetSeconds}`;
    policies += `${comma}${name};q=${limit.limit}`;
    // Places and credits have no window.
    if (limit.windowSeconds > 0) policies += `;w=${limit.windowSeconds}`;
  }
  return [
    'X-RateLimit-Limit',
    String(tightest.limit),
    'X-RateLimit-Remaining',
    String(tightest.remaining),
    'X-RateLimit-Reset',
    String(tightest.resetSeconds),
    'RateLimit',
    states,
    'RateLimit-Policy',
    policies,
  ];
}

/** The first that would refuse: a limit that refuses now comes before one that only looks empty. */
function isTighter(a: LimitState, b: LimitState): boolean {
  if (a.retryAfterSeconds !== b.retryAfterSeconds) return a.retryAfterSeconds > b.retryAfterSeconds;
  return a.remaining < b.remaining || (a.remaining === b.remaining && a.resetSeconds > b.resetSeconds);
}

const PLAIN = /^[A-Za-z0-9_.-]*$/;

/** A structured-field string (RFC 9651 section 3.3.3): visible ASCII, with `"` and `\` escaped. */
function quoted(name: string): string {
  return PLAIN.test(name) ? `"${name}"` : `"${name.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
