/** A route that takes credentials in the query: what it does so that they end here (RFC 6750 section 2.3). */
import { parameterKey } from '@tessera/verify';
import { bothChanges, type FieldChanges, fieldChanges } from './compiled-changes.ts';

export interface QueryCredential {
  /** The parameter that is accepted. */
  readonly name: string;
  /** Whatever a server could read as it. */
  readonly keys: ReadonlySet<string>;
  /** Changes of the fields of a request that came with one, and of its answer; those of the route are in them. */
  readonly request: FieldChanges;
  readonly response: FieldChanges;
}

/** The page that links here may have been loaded with a credential in its own address. */
const REFERRERS = fieldChanges({ remove: ['Referer'] });

/** No cache may keep an answer whose address holds a secret, and no page may tell its address to others. */
const PRIVATE = fieldChanges({
  set: { 'Cache-Control': 'private, no-store', 'Referrer-Policy': 'no-referrer' },
  // Caches of a network in front go by these before Cache-Control (RFC 9213).
  remove: ['CDN-Cache-Control', 'Surrogate-Control'],
});

export function queryCredential(
  name: string,
  transform: { readonly request: FieldChanges; readonly response: FieldChanges },
): QueryCredential {
  return Object.freeze({
    name,
    keys: new Set([parameterKey(name)]),
    request: bothChanges(transform.request, REFERRERS),
    response: bothChanges(transform.response, PRIVATE),
  });
}
