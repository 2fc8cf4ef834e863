/** The certificate that the peer of a TLS connection proved to have, as far as Node verified it. */
import { Buffer } from 'node:buffer';
import type { ProvedCertificate } from '../requirement.ts';

/** What is used of a `TLSSocket`; a connection in clear has none of it. */
export interface PeerSocket {
  /** The certificate is of one of the authorities that the service names, and valid. */
  readonly authorized?: boolean;
  getPeerX509Certificate?(): PeerCertificate | undefined;
}

interface PeerCertificate {
  /** SHA-256 of the DER, in hexadecimal with colons. */
  readonly fingerprint256: string;
  readonly validTo: string;
}

/** Undefined: none was presented, or one that counts for nothing. */
export function peerCertificate(socket: PeerSocket): ProvedCertificate | undefined {
  if (socket.authorized !== true) return undefined;
  const certificate = socket.getPeerX509Certificate?.();
  if (certificate === undefined) return undefined;
  const expiresAt = Date.parse(certificate.validTo);
  return {
    thumbprint: Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
    // What cannot be read has expired.
    expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt,
  };
}
