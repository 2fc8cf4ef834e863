/** The request target that an upstream receives: the one that was judged, less a credential, as the route rewrites it. */
import { withoutParameters } from '@tessera/verify';
import type { QueryChanges } from '../core/compiled-rewrite.ts';
import { type Filling, fill, fillingOf } from '../core/placeholders.ts';
import type { Incoming } from '../http/edge.ts';
import type { Admitted } from './upstream-fields.ts';

/** Path and query. The origin is the connection's: whatever the path is, it names no other (RFC 9112 section 3.2.1). */
export function targetOf(incoming: Incoming, { route, credential, principal }: Admitted): string {
  const { rewrite, queryCredential } = route;
  const path = rewrite === undefined ? incoming.path : rewrite.path(incoming.path);
  let { query } = incoming;
  // Also where the route passes credentials on: one in an address ends in the log of every server that it passes.
  if (queryCredential !== undefined && credential?.parameter !== undefined)
    query = withoutParameters(query, queryCredential.keys);
  if (rewrite?.query !== undefined) query = changed(query, rewrite.query, fillingOf(incoming.requestId, principal));
  return query === '' ? path : `${path}?${query}`;
}

function changed(query: string, { touched, set, filled }: QueryChanges, filling: Filling): string {
  // Ours first: some servers stop at a thousand parameters, and a client could push those behind its own out.
  const parts = [set, ...filled.map((one) => fill(one, filling)), withoutParameters(query, touched)];
  return parts.filter((part) => part !== '').join('&');
}
