/** What keys there are: each has one algorithm (RFC 7518, RFC 8037, RFC 9964), and with it one use. */

export interface Algorithm {
  readonly use: 'sig' | 'enc';
  /** Of a symmetric key: its bytes. A pair otherwise. */
  readonly shape:
    | { readonly kind: 'octets'; readonly least: number; readonly most: number }
    | { readonly kind: 'okp'; readonly curve: 'Ed25519' }
    | { readonly kind: 'ec'; readonly curve: 'P-256' }
    | { readonly kind: 'rsa' }
    | { readonly kind: 'akp' };
}

const table = {
  EdDSA: { use: 'sig', shape: { kind: 'okp', curve: 'Ed25519' } },
  ES256: { use: 'sig', shape: { kind: 'ec', curve: 'P-256' } },
  PS256: { use: 'sig', shape: { kind: 'rsa' } },
  RS256: { use: 'sig', shape: { kind: 'rsa' } },
  'ML-DSA-65': { use: 'sig', shape: { kind: 'akp' } },
  // RFC 7518 section 3.2: no shorter than the hash. Longer than its block, a key is hashed first and gains nothing.
  HS256: { use: 'sig', shape: { kind: 'octets', least: 32, most: 64 } },
  'ECDH-ES+A256KW': { use: 'enc', shape: { kind: 'ec', curve: 'P-256' } },
  A256GCM: { use: 'enc', shape: { kind: 'octets', least: 32, most: 32 } },
} as const satisfies Readonly<Record<string, Algorithm>>;

export type KeyAlgorithm = keyof typeof table;
export type SignatureAlgorithm = Exclude<KeyAlgorithm, 'ECDH-ES+A256KW' | 'A256GCM'>;
export const algorithms: Readonly<Record<KeyAlgorithm, Algorithm>> = table;
