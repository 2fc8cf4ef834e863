/** Cross-origin requests (Fetch standard): preflights are answered here, and answers say which page may read them. */
import type { FlatFields } from '@tessera/verify';
import type { Cors } from '../core/compiled-cors.ts';
import type { RouteMatch, RouteTable } from '../core/routes.ts';
import type { Incoming } from '../http/edge.ts';
import { fieldOf } from '../http/sorted-fields.ts';

const NOTHING: FlatFields = Object.freeze([]);
const METHOD = /^[A-Za-z]{1,32}$/;

export interface Preflight {
  readonly isPermitted: boolean;
  readonly fields: FlatFields;
}

/**
 * The answer to a preflight, or undefined where the request is none: an OPTIONS request without both fields,
 * or for a request that no route with cross-origin rules takes, is a request like any other. A page elsewhere gets an answer
 * without permission, from which its browser tells what is missing.
 */
export function preflight({ method, host, path, fields }: Incoming, table: RouteTable): Preflight | undefined {
  if (method !== 'OPTIONS') return undefined;
  const origin = fieldOf(fields, 'origin');
  const asked = fieldOf(fields, 'access-control-request-method');
  if (origin === undefined || asked === undefined || !METHOD.test(asked)) return undefined;
  const match = table.match(host, path, asked);
  const cors = match.route?.cors;
  if (cors === undefined) return undefined;
  const vary = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'];
  const permitted = permission(cors, origin);
  if (permitted === undefined) return { isPermitted: false, fields: vary };
  const told = [
    ...vary,
    ...['Access-Control-Allow-Origin', permitted],
    ...(cors.credentials ? ['Access-Control-Allow-Credentials', 'true'] : []),
    ...['Access-Control-Allow-Methods', cors.methods ?? asked],
    ...['Access-Control-Allow-Headers', cors.headers],
    ...['Access-Control-Max-Age', cors.maxAge],
  ];
  return { isPermitted: true, fields: told };
}

/** Fields of every answer of a route with cross-origin rules, ours and the upstream's alike; for other routes none. */
export function corsFields(match: RouteMatch, { fields }: Incoming): FlatFields {
  const cors = match.route?.cors;
  if (cors === undefined) return NOTHING;
  const permitted = permission(cors, fieldOf(fields, 'origin'));
  // A cache must not give one page's answer to another, nor that of no page at all.
  const vary = cors.origins === undefined ? NOTHING : ['Vary', 'Origin'];
  return permitted === undefined ? vary : [...vary, 'Access-Control-Allow-Origin', permitted, ...cors.allowed];
}

/** The value of `Access-Control-Allow-Origin`. Two origins are joined in one text, which is none that could be allowed. */
function permission({ origins }: Cors, origin: string | undefined): string | undefined {
  if (origins === undefined) return '*';
  return origin !== undefined && origins.has(origin) ? origin : undefined;
}
