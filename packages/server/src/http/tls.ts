/** TLS ends here: handshakes with bounds, and each connection goes to the protocol that it agreed on. */
import { constants } from 'node:crypto';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { type Arrival, tellArrival } from './arrival.ts';
import { clientCertificateOf } from './client-certificate.ts';
import type { ListenLimits, RefusedHandshake, TlsListening } from './listen-options.ts';

export interface TlsProtocols {
  http1(socket: TLSSocket): void;
  http2(socket: TLSSocket, arrival: Arrival): void;
}

/** The server that accepts the connections; it is not listening yet. */
export function tlsServer(tls: TlsListening, protocols: TlsProtocols, limits: ListenLimits): Server {
  const { clientCertificates, onRefused } = tls;
  const server = createServer({
    ...hardened(tls.context, tls),
    // Who offers protocols and knows none of these is refused: bytes of another protocol never reach a parser.
    ALPNProtocols: ['h2', 'http/1.1'],
    requestCert: clientCertificates !== 'off',
    rejectUnauthorized: clientCertificates === 'required',
    handshakeTimeout: limits.headersTimeoutMs,
    noDelay: true,
  });
  server.on('secureConnection', (socket) => {
    const presented = clientCertificates === 'off' ? 'none' : clientCertificateOf(socket);
    if (presented === 'invalid') {
      onRefused('certificate_invalid');
      socket.destroy();
      return;
    }
    const arrival = { secure: true, exposed: false, certificate: presented === 'none' ? undefined : presented };
    tellArrival(socket, arrival);
    if (socket.alpnProtocol === 'h2') protocols.http2(socket, arrival);
    else protocols.http1(socket);
  });
  server.on('tlsClientError', (error: Error & { code?: string }, socket) => {
    onRefused(refusalOf(error, socket));
    socket.destroy();
  });
  return server;
}

/** What every context has, whatever the certificate: RFC 9325, and nothing that needs a list of exceptions. */
export function hardened(
  context: SecureContextOptions,
  { clientCertificates }: Pick<TlsListening, 'clientCertificates'>,
): SecureContextOptions {
  return {
    ...context,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION |
      // A resumed session is not verified again: whoever was let in once would stay in, revoked or expired.
      (clientCertificates === 'off' ? 0 : constants.SSL_OP_NO_TICKET),
  };
}

/** Forward secrecy and AEAD only. Clients choose: most of them know better than we what their hardware does fast. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

function refusalOf(error: Error & { code?: string }, socket: TLSSocket): RefusedHandshake {
  if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'timeout';
  if (error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'certificate_missing';
  // Where a certificate is required, Node cuts the connection itself and tells only that it ended.
  if (socket.authorizationError) return 'certificate_invalid';
  return error.code === 'ECONNRESET' ? 'aborted' : 'protocol';
}
