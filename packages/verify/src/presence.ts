/** Step 1: exactly one credential, from an allowed place. */

declare const brand: unique symbol;

/** What a request presents, before it is judged. Only this file makes one, so that presence cannot be skipped. */
export interface Credential {
  readonly text: string;
  readonly scheme: 'bearer' | 'dpop' | 'key';
  /** Lower-cased name of the header field that held it; undefined: it came in a body. */
  readonly field: string | undefined;
  readonly [brand]: 'Credential';
}

export type Presence =
  | { readonly outcome: 'present'; readonly credential: Credential }
  | { readonly outcome: 'missing' | 'duplicate_credentials' }
  /** `Bearer` with nothing after it: a bad request (RFC 6750 section 3.1), not a missing token. */
  | { readonly outcome: 'empty' };

/** The parts of a request that may hold a credential. Each field as often as it was sent. */
export interface Presented {
  readonly authorization: readonly string[];
  /** Values of `X-API-Key`. */
  readonly apiKey: readonly string[];
  /** Query string without `?`: RFC 6750 section 2.3 credentials are not accepted, but count as a second one. */
  readonly query: string;
}

/** The credential in a body that asks for a verdict on it. */
export function credentialOf(text: string): Credential {
  return { text, scheme: 'bearer', field: undefined } as Credential;
}

/** Finds the one credential of a request. A scheme that is not ours counts as no credential (RFC 6750 section 3). */
export function presence(presented: Presented): Presence {
  const candidates: Credential[] = [];
  let empty = false;
  for (const value of presented.authorization) {
    const opening = OUR_SCHEME.exec(value);
    if (opening === null) continue;
    const [start, name] = opening;
    const text = value.slice(start.length);
    if (text === '') empty = true;
    const scheme = name?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer';
    candidates.push({ text, scheme, field: 'authorization' } as Credential);
  }
  for (const value of presented.apiKey) {
    if (value === '') empty = true;
    candidates.push({ text: value, scheme: 'key', field: 'x-api-key' } as Credential);
  }
  const [credential, second] = candidates;
  if (credential === undefined) return { outcome: 'missing' };
  if (second !== undefined || hasQueryCredential(presented.query)) return { outcome: 'duplicate_credentials' };
  return empty ? { outcome: 'empty' } : { outcome: 'present', credential };
}

/** Scheme names are compared without case, and spaces part them from the credential (RFC 9110 section 11.4). */
const OUR_SCHEME = /^(bearer|dpop)(?: +|$)/i;

/** A name may be percent-encoded, and what a server behind us would decode must count here too. */
function hasQueryCredential(query: string): boolean {
  return /access_token|%/.test(query) && new URLSearchParams(query).has('access_token');
}
