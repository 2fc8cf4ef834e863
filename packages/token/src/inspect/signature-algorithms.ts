/** The registered signature algorithms (RFC 7518 section 3, RFC 8037, RFC 9864, RFC 9964): key, signature, and how WebCrypto calls them. */

export interface SignatureAlgorithm {
  /** Of the key that verifies it. */
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'oct' | 'AKP';
  readonly crv?: string;
  /** Bytes of a signature; of RSA, the least. */
  readonly bytes: number;
  /** For `importKey` and for `verify`. */
  readonly parameters: { readonly name: string; readonly [parameter: string]: unknown };
}

const rsa = (name: string, hash: string, saltLength?: number): SignatureAlgorithm => ({
  kty: 'RSA',
  bytes: 256,
  parameters: { name, hash, ...(saltLength === undefined ? {} : { saltLength }) },
});

const ec = (bits: number, hash: string, bytes: number): SignatureAlgorithm => ({
  kty: 'EC',
  crv: `P-${bits}`,
  bytes,
  parameters: { name: 'ECDSA', namedCurve: `P-${bits}`, hash },
});

const hmac = (hash: string, bytes: number): SignatureAlgorithm => ({
  kty: 'oct',
  bytes,
  parameters: { name: 'HMAC', hash },
});

const ed25519: SignatureAlgorithm = { kty: 'OKP', crv: 'Ed25519', bytes: 64, parameters: { name: 'Ed25519' } };

const mlDsa = (name: string, bytes: number): SignatureAlgorithm => ({ kty: 'AKP', bytes, parameters: { name } });

const algorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['RS256', rsa('RSASSA-PKCS1-v1_5', 'SHA-256')],
  ['RS384', rsa('RSASSA-PKCS1-v1_5', 'SHA-384')],
  ['RS512', rsa('RSASSA-PKCS1-v1_5', 'SHA-512')],
  ['PS256', rsa('RSA-PSS', 'SHA-256', 32)],
  ['PS384', rsa('RSA-PSS', 'SHA-384', 48)],
  ['PS512', rsa('RSA-PSS', 'SHA-512', 64)],
  ['ES256', ec(256, 'SHA-256', 64)],
  ['ES384', ec(384, 'SHA-384', 96)],
  ['ES512', ec(521, 'SHA-512', 132)],
  ['HS256', hmac('SHA-256', 32)],
  ['HS384', hmac('SHA-384', 48)],
  ['HS512', hmac('SHA-512', 64)],
  ['EdDSA', ed25519],
  ['Ed25519', ed25519],
  ['ML-DSA-44', mlDsa('ML-DSA-44', 2420)],
  ['ML-DSA-65', mlDsa('ML-DSA-65', 3309)],
  ['ML-DSA-87', mlDsa('ML-DSA-87', 4627)],
]);

/** Undefined: none that is known here. */
export function signatureAlgorithm(name: unknown): SignatureAlgorithm | undefined {
  return typeof name === 'string' ? algorithms.get(name) : undefined;
}
