/** The certificate that a client proved to have at the handshake. */

import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from './arrival.ts';

/** One that is larger could not go to an upstream in a field, and is nobody's. */
const MAX_BYTES = 12_288;

/**
 * `invalid`: it is from another authority, expired, not yet valid, revoked, not for clients, or too large. Then the client
 * meant to be somebody, and being taken for nobody would hide why it is not.
 */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate | 'none' | 'invalid' {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return 'none';
  if (!socket.authorized || certificate.raw.length > MAX_BYTES) return 'invalid';
  const expiresAt = Date.parse(certificate.validTo);
  return {
    thumbprint: createHash('sha256').update(certificate.raw).digest('base64url'),
    // What cannot be read has expired.
    expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt,
    der: certificate.raw.toString('base64'),
  };
}
