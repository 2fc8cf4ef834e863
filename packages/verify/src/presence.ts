/** Step 1: exactly one credential, from an allowed place. */
import type { DigestKey } from './digest.ts';
import { parameterKey, parametersOf } from './query.ts';

declare const brand: unique symbol;

/** What a request presents, before it is judged. Only this file makes one, so that presence cannot be skipped. */
export interface Credential {
  /** Empty where only its digest is known. */
  readonly text: string;
  /** In place of the text, where somebody else has it. */
  readonly digest?: DigestKey;
  readonly scheme: 'bearer' | 'dpop' | 'key';
  /** Lower-cased name of the header field that held it; undefined: it came in the query or a body. */
  readonly field: string | undefined;
  /** Name of the query parameter that held it; undefined: it came in a header or a body. */
  readonly parameter: string | undefined;
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
  /** Query string without `?`: RFC 6750 section 2.3 credentials count as a second one where they are not accepted, too. */
  readonly query: string;
  /** The parameter that a credential is accepted in; undefined: none. Where it is named, so by explicit choice alone. */
  readonly queryName?: string | undefined;
}

/** The credential in a body that asks for a verdict on it. */
export function credentialOf(text: string): Credential {
  return { text, scheme: 'bearer', field: undefined, parameter: undefined } as Credential;
}

/** The same of a text that is known by its digest alone: whoever asks has looked at its shape. */
export function credentialOfDigest(digest: DigestKey): Credential {
  return { text: '', digest, scheme: 'bearer', field: undefined, parameter: undefined } as Credential;
}

/** Finds the one credential of a request. A scheme that is not ours counts as no credential (RFC 6750 section 3). */
export function presence(presented: Presented): Presence {
  return onlyBearer(presented) ?? search(presented);
}

/** Most requests: one field, one bearer token in the usual spelling, and nothing else that could be a credential. */
function onlyBearer({ authorization, apiKey, query }: Presented): Presence | undefined {
  const value = authorization[0];
  if (value === undefined || authorization.length > 1 || apiKey.length > 0 || query !== '') return undefined;
  if (!value.startsWith(USUAL_START) || value.length === USUAL_START.length) return undefined;
  const text = value.slice(USUAL_START.length);
  if (text.startsWith(' ')) return undefined;
  return {
    outcome: 'present',
    credential: { text, scheme: 'bearer', field: 'authorization', parameter: undefined } as Credential,
  };
}

const USUAL_START = 'Bearer ';

function search(presented: Presented): Presence {
  const candidates: Credential[] = [];
  let empty = false;
  for (const value of presented.authorization) {
    const opening = OUR_SCHEME.exec(value);
    if (opening === null) continue;
    const [start, name] = opening;
    const text = value.slice(start.length);
    if (text === '') empty = true;
    const scheme = name?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer';
    candidates.push({ text, scheme, field: 'authorization', parameter: undefined } as Credential);
  }
  for (const value of presented.apiKey) {
    if (value === '') empty = true;
    candidates.push({ text: value, scheme: 'key', field: 'x-api-key', parameter: undefined } as Credential);
  }
  const [credential, second] = candidates;
  if (credential === undefined) return inQuery(presented);
  if (second !== undefined || queryCredentials(presented).length > 0) return { outcome: 'duplicate_credentials' };
  return empty ? { outcome: 'empty' } : { outcome: 'present', credential };
}

/** The one credential of the query, where the query may hold one. It must stand there in the one plain spelling. */
function inQuery(presented: Presented): Presence {
  const { queryName } = presented;
  if (queryName === undefined) return MISSING;
  const [only, second] = queryCredentials(presented);
  if (second !== undefined) return { outcome: 'duplicate_credentials' };
  if (only === undefined || only.isDoubtful || only.name !== queryName) return MISSING;
  if (only.value === '') return { outcome: 'empty' };
  const credential = { text: only.value, scheme: 'bearer', field: undefined, parameter: queryName } as Credential;
  return { outcome: 'present', credential };
}

const MISSING: Presence = Object.freeze({ outcome: 'missing' });

/** Scheme names are compared without case, and spaces part them from the credential (RFC 9110 section 11.4). */
const OUR_SCHEME = /^(bearer|dpop)(?: +|$)/i;

const STANDARD_NAME = 'access_token';

/** Whatever a server behind us might read as the parameter that holds a credential: each of them counts. */
function queryCredentials({ query, queryName }: Presented): ReturnType<typeof parametersOf> {
  // Most queries hold neither the name nor an escape that could spell it.
  if (query === '' || (queryName === undefined && !/access|%/i.test(query))) return NONE;
  const own = queryName === undefined ? STANDARD_NAME : parameterKey(queryName);
  return parametersOf(query).filter(({ name }) => {
    const key = parameterKey(name);
    return key === STANDARD_NAME || key === own;
  });
}

const NONE: readonly never[] = Object.freeze([]);
