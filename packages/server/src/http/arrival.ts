/** How a request arrived: what the listener knows of its connection, beside the addresses. */
import type { ProvedCertificate } from '@tessera/verify';

export interface Arrival {
  /** Over TLS that ends here. */
  readonly secure: boolean;
  /** In clear, on a listener that strangers reach: whatever it carries may have been read on the way. */
  readonly exposed: boolean;
  /** The client's certificate, proved and verified at the handshake; undefined: it presented none. */
  readonly certificate: ClientCertificate | undefined;
}

/** Known by its bytes alone: names in a certificate are never read for a decision, so that no odd one can pass for another. */
export interface ClientCertificate extends ProvedCertificate {
  /** The DER in base64, for `Client-Cert` (RFC 9440). */
  readonly der: string;
}

const IN_CLEAR: Arrival = Object.freeze({ secure: false, exposed: false, certificate: undefined });

/** Kept by connection, where a listener has more to tell than that it came in clear from behind our own proxy. */
const arrivals = new WeakMap<object, Arrival>();

/** @param connection `request.socket` */
export function arrivalOf(connection: object): Arrival {
  return arrivals.get(connection) ?? IN_CLEAR;
}

/** Only listeners call this. */
export function tellArrival(connection: object, arrival: Arrival): void {
  arrivals.set(connection, arrival);
}
