/** What is wrong with the certificate of who answers, where it will not be otherwise the next time. */

/** `authority`: nobody who is trusted vouches for it. `host`: it is for another host. */
export type CertificateFault = 'authority' | 'host';

/** By the codes of Node and OpenSSL. One that has expired is none of them: it is renewed while others start and stop. */
const FAULTS: Readonly<Record<string, CertificateFault>> = {
  CERT_SIGNATURE_FAILURE: 'authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'authority',
  UNABLE_TO_GET_ISSUER_CERT: 'authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'host',
};

/** @param error what a connection failed with */
export function certificateFault(error: unknown): CertificateFault | undefined {
  return error instanceof Error && 'code' in error ? FAULTS[String(error.code)] : undefined;
}
