/** A `Request` of the Fetch standard, whose fields come joined: what was sent twice is found in what it became. */
import type { Guarding } from './guard-options.ts';
import { queryOf, type Received, withoutQuery } from './received.ts';

/** The client is nobody known, unless the service tells by `clientAddress` who it is: a `Request` has no connection. */
export function readFetch<Incoming>(
  request: Request,
  incoming: Incoming,
  { clientAddress, origin }: Guarding<Incoming>,
): Received {
  const { headers, url } = request;
  const all = (name: string, separator: RegExp): readonly string[] => headers.get(name)?.split(separator) ?? NONE;
  return {
    presented: {
      authorization: all('authorization', AROUND_OUR_SCHEMES),
      apiKey: all('x-api-key', BETWEEN_VALUES),
      query: queryOf(url),
    },
    proofs: all('dpop', BETWEEN_VALUES),
    requestIds: all('x-request-id', BETWEEN_VALUES),
    address: clientAddress?.(incoming),
    method: request.method,
    url: () => (origin === undefined ? withoutQuery(url) : `${origin}${new URL(url).pathname}`),
    certificate: () => undefined,
  };
}

const NONE: readonly string[] = Object.freeze([]);

/** How the Fetch standard joins the values of a field. No key, proof or id holds it, so that two never pass for one. */
const BETWEEN_VALUES = /, /;
/**
 * Credentials of other schemes hold commas. Where the next word is one of our schemes another value begins, and one that is nothing
 * but our scheme is over.
 */
const AROUND_OUR_SCHEMES = /, (?=(?:bearer|dpop)(?:[ ,]|$))|(?<=(?:^|, )(?:bearer|dpop)),(?: |$)/i;
