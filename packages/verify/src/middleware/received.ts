/** A request as the decision must know it, in whatever form it came. */
import type { Presented } from '../presence.ts';
import type { ProvedCertificate } from '../requirement.ts';

export interface Received {
  readonly presented: Presented;
  /** The DPoP header fields, as often as they were sent. */
  readonly proofs: readonly string[];
  /** The X-Request-Id fields. */
  readonly requestIds: readonly string[];
  readonly address: string | undefined;
  readonly method: string | undefined;
  /** Scheme, host and path, without query, as the client wrote them; undefined where that cannot be told. Asked for only with a proof. */
  url(): string | undefined;
  /** What the client proved at the handshake of its connection. Asked for only where one is required. */
  certificate(): ProvedCertificate | undefined;
}

/** A request of which nothing could be read. */
export const NOTHING_READ: Received = Object.freeze({
  presented: { authorization: [], apiKey: [], query: '' },
  proofs: [],
  requestIds: [],
  address: undefined,
  method: undefined,
  url: () => undefined,
  certificate: () => undefined,
});

/** What follows the first `?` of a request target: everything that some server behind us might read as a query. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark + 1);
}

/** What stands before the query, and before a fragment, which is never sent by a client that means well. */
export function withoutQuery(target: string): string {
  return target.replace(/[?#].*$/s, '');
}
