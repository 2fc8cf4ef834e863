/** Metrics of connections: those that were refused, the certificate that is served, credentials that came in clear. */
import { alone, counter, type Family, gauge, tally } from './series.ts';

const refusals = ['certificate_missing', 'certificate_invalid', 'timeout', 'aborted', 'protocol'] as const;
const listenerDoors = ['gateway', 'platform'] as const;

export interface TransportMetrics {
  /** A connection was closed because its listener held as many as it may. */
  connectionRefused(): void;
  handshakeRefused(reason: (typeof refusals)[number]): void;
  /** @param expiresAt milliseconds since the epoch */
  certificateInForce(expiresAt: number): void;
  certificateReloaded(successful: boolean): void;
  proxyHeaderRefused(): void;
  credentialExposed(door: (typeof listenerDoors)[number]): void;
  /** A request was refused because more arrive than can be answered. */
  requestShed(door: (typeof listenerDoors)[number]): void;
}

export function transportMetrics(): TransportMetrics & { families(): readonly Family[] } {
  const refused = tally(refusals);
  const exposed = tally(listenerDoors);
  const shed = tally(listenerDoors);
  let refusedConnections = 0;
  let proxyHeaders = 0;
  const certificate: { expiresAt?: number; reloaded?: boolean } = {};
  return {
    connectionRefused() {
      refusedConnections += 1;
    },
    handshakeRefused(reason) {
      refused.counts[reason] += 1;
    },
    certificateInForce(expiresAt) {
      certificate.expiresAt = expiresAt;
      certificate.reloaded = true;
    },
    certificateReloaded(successful) {
      certificate.reloaded = successful;
    },
    proxyHeaderRefused() {
      proxyHeaders += 1;
    },
    credentialExposed(door) {
      exposed.counts[door] += 1;
    },
    requestShed(door) {
      shed.counts[door] += 1;
    },
    families: () => [
      counter({
        name: 'tessera_connections_refused_total',
        help: 'Connections that were closed as they were accepted: their listener held as many as it may.',
        values: alone(refusedConnections),
      }),
      counter({
        name: 'tessera_requests_shed_total',
        help: 'Requests that were refused because more arrived than could be answered.',
        values: shed.samples((door) => ({ door })),
      }),
      counter({
        name: 'tessera_credentials_exposed_total',
        help: 'Requests with a credential that came in clear from outside, and were refused.',
        values: exposed.samples((door) => ({ door })),
      }),
      counter({
        name: 'tessera_tls_handshakes_refused_total',
        help: 'TLS handshakes that failed, or were refused for the certificate of the client.',
        values: refused.samples((reason) => ({ reason })),
      }),
      counter({
        name: 'tessera_proxy_headers_refused_total',
        help: 'Connections that were closed for want of a PROXY protocol header from a trusted proxy.',
        values: alone(proxyHeaders),
      }),
      // Without a certificate there is nothing to tell, and no alert on an expiry may fire.
      ...(certificate.expiresAt === undefined
        ? []
        : [
            gauge(
              {
                name: 'tessera_certificate_expiry_timestamp_seconds',
                help: 'When the certificate that is served expires.',
                values: alone(certificate.expiresAt / 1000),
              },
              'min',
            ),
            gauge(
              {
                name: 'tessera_certificate_last_reload_successful',
                help: '1 where the certificate in force is the one in the files, 0 where that was refused.',
                values: alone(certificate.reloaded === true ? 1 : 0),
              },
              'min',
            ),
          ]),
    ],
  };
}
