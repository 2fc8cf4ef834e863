/** The signature algorithms of JOSE that are used here (RFC 7518 section 3, RFC 8037, RFC 9964): how each signs, and how it verifies. */
import { Buffer } from 'node:buffer';
import { constants, createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import { fromDer, toDer } from './ecdsa-der.ts';

/** `type` of the keys of an algorithm, as `node:crypto` calls it, and what it does with them. */
interface Scheme {
  readonly keys: 'ed25519' | 'ec prime256v1' | 'rsa' | 'ml-dsa-65' | 'secret';
  /** Of every signature. Undefined: as many bytes as the modulus has, which OpenSSL compares. */
  readonly bytes: number | undefined;
  readonly sign: (input: Buffer, key: KeyObject) => Buffer;
  readonly verify: (input: Buffer, key: KeyObject, signature: Buffer) => boolean;
}

/** A salt as long as the digest (RFC 7518 section 3.5), and of no other length. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const;

const schemes = {
  EdDSA: {
    keys: 'ed25519',
    bytes: 64,
    sign: (input, key) => sign(null, input, key),
    verify: (input, key, signature) => verify(null, input, key, signature),
  },
  ES256: {
    keys: 'ec prime256v1',
    bytes: 64,
    sign: (input, key) => withLowS(fromDer(sign('sha256', input, key))),
    verify: (input, key, signature) => verify('sha256', input, key, toDer(signature)),
  },
  PS256: {
    keys: 'rsa',
    bytes: undefined,
    sign: (input, key) => sign('sha256', input, { key, ...PSS }),
    verify: (input, key, signature) => verify('sha256', input, { key, ...PSS }, signature),
  },
  RS256: {
    keys: 'rsa',
    bytes: undefined,
    sign: (input, key) => sign('sha256', input, key),
    verify: (input, key, signature) => verify('sha256', input, key, signature),
  },
  'ML-DSA-65': {
    keys: 'ml-dsa-65',
    bytes: 3309,
    sign: (input, key) => sign(null, input, key),
    verify: (input, key, signature) => verify(null, input, key, signature),
  },
  HS256: {
    keys: 'secret',
    bytes: 32,
    sign: (input, key) => createHmac('sha256', key).update(input).digest(),
    verify: (input, key, signature) => timingSafeEqual(createHmac('sha256', key).update(input).digest(), signature),
  },
} as const satisfies Readonly<Record<string, Scheme>>;

export type SigningAlgorithm = keyof typeof schemes;

/** Keys that were looked at, with the kind that they are of: asking OpenSSL for a curve takes a tenth of a signature. */
const kinds = new WeakMap<KeyObject, string>();

/** Whether this key is of the kind that the algorithm takes. */
export function takes(alg: SigningAlgorithm, key: KeyObject): boolean {
  let kind = kinds.get(key);
  if (kind === undefined) {
    kind = kindOf(key);
    kinds.set(key, kind);
  }
  return kind === schemes[alg].keys;
}

function kindOf({ type, asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  return asymmetricKeyType === 'ec' ? `ec ${asymmetricKeyDetails?.namedCurve}` : (asymmetricKeyType ?? type);
}

/** The signature of one algorithm; one of ES256 has a low S. The key must be one that the algorithm takes. */
export function signatureOf(input: Buffer, alg: SigningAlgorithm, key: KeyObject): Buffer {
  return schemes[alg].sign(input, key);
}

/** The key must be one that the algorithm takes. */
export function isSignatureOf(
  signature: Buffer,
  input: Buffer,
  { alg, key }: { readonly alg: SigningAlgorithm; readonly key: KeyObject },
): boolean {
  const { bytes, verify: isOf }: Scheme = schemes[alg];
  return (bytes === undefined || signature.length === bytes) && isOf(input, key, signature);
}

const SCALAR_BYTES = 32;
/** The order n of P-256 (NIST SP 800-186 section 3.2.1.3), and the greatest S that is low. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const HIGHEST = bytesOfScalar(ORDER / 2n);

/**
 * Whether the S of an ES256 signature lies in the upper half. Where (r, s) verifies (r, n - s) does, and anybody can tell
 * one from the other: only where one of them is refused has a signed text one spelling.
 */
export function hasHighS(signature: Buffer): boolean {
  return signature.compare(HIGHEST, 0, SCALAR_BYTES, SCALAR_BYTES, 2 * SCALAR_BYTES) > 0;
}

function withLowS(signature: Buffer): Buffer {
  if (hasHighS(signature)) {
    const s = BigInt(`0x${signature.toString('hex', SCALAR_BYTES)}`);
    bytesOfScalar(ORDER - s).copy(signature, SCALAR_BYTES);
  }
  return signature;
}

function bytesOfScalar(scalar: bigint): Buffer {
  return Buffer.from(scalar.toString(16).padStart(2 * SCALAR_BYTES, '0'), 'hex');
}
