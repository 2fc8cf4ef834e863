/** The bytes of a key: made here, or taken from a JWK (RFC 7517) that is sound. */
import { Buffer } from 'node:buffer';
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import { rsaWeakness, UnusableKeyError } from '@tessera/verify/jose';
import { algorithms, type KeyAlgorithm } from './algorithms.ts';

export interface KeyMaterial {
  readonly alg: KeyAlgorithm;
  /** What everybody may know; undefined: nobody may know anything of a symmetric key. */
  readonly publicJwk: Readonly<Record<string, string>> | undefined;
  /** PKCS #8 of a pair, the bytes of a symmetric key. To be sealed. */
  readonly secret: Uint8Array;
}

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const RSA_BITS = 2048;
const pairOf = promisify(generateKeyPair);

/** RSA takes a quarter of a second, of another thread. */
export async function generateKey(alg: KeyAlgorithm): Promise<KeyMaterial> {
  const { shape } = algorithms[alg];
  switch (shape.kind) {
    case 'octets':
      return { alg, publicJwk: undefined, secret: new Uint8Array(randomBytes(shape.least)) };
    case 'okp':
      return materialOf(alg, generateKeyPairSync('ed25519'));
    case 'ec':
      return materialOf(alg, generateKeyPairSync('ec', { namedCurve: shape.curve }));
    case 'akp':
      return materialOf(alg, generateKeyPairSync('ml-dsa-65'));
    case 'rsa':
      return materialOf(alg, await pairOf('rsa', { modulusLength: RSA_BITS }));
  }
}

/**
 * The key that a JWK holds, for this algorithm and no other.
 *
 * @throws UnusableKeyError for a weak key, one whose halves do not belong together, or one that says that it is for something else
 */
export function importKey(alg: KeyAlgorithm, jwk: Readonly<Record<string, unknown>>): KeyMaterial {
  const { use, shape } = algorithms[alg];
  if (jwk.alg !== undefined && jwk.alg !== alg) throw new UnusableKeyError(`the key is not for ${alg}`);
  if (jwk.use !== undefined && jwk.use !== use) throw new UnusableKeyError('the key is for another use');
  if (jwk.key_ops !== undefined) throw new UnusableKeyError('key_ops is not taken: use alg and use');
  if (shape.kind === 'octets') return { alg, publicJwk: undefined, secret: octets(jwk, shape) };
  if (jwk.kty !== KTY[shape.kind]) throw new UnusableKeyError(`${alg} takes a key with kty ${KTY[shape.kind]}`);
  if ('curve' in shape && jwk.crv !== shape.curve) throw new UnusableKeyError(`${alg} takes a key on ${shape.curve}`);
  if (shape.kind === 'rsa') refuseWeakRsa(jwk);
  const pair = pairIn(jwk);
  refuseForeignHalf(alg, pair);
  return materialOf(alg, pair);
}

const KTY = { okp: 'OKP', ec: 'EC', rsa: 'RSA', akp: 'AKP' } as const;

/** Members that everybody may know, by kind of key. */
const PUBLIC = ['kty', 'crv', 'x', 'y', 'n', 'e', 'pub'] as const;

function materialOf(alg: KeyAlgorithm, { publicKey, privateKey }: Pair): KeyMaterial {
  const exported = publicKey.export({ format: 'jwk' }) as Readonly<Record<string, unknown>>;
  const members = PUBLIC.flatMap((name) => {
    const value = exported[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return {
    alg,
    publicJwk: Object.fromEntries(members),
    secret: new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })),
  };
}

function octets(jwk: Readonly<Record<string, unknown>>, shape: { readonly least: number; readonly most: number }) {
  if (jwk.kty !== 'oct') throw new UnusableKeyError('a symmetric key has kty oct');
  const bytes = bytesIn(jwk, 'k');
  if (bytes.length < shape.least)
    throw new UnusableKeyError(`the key has ${bytes.length} bytes, fewer than ${shape.least}`);
  if (bytes.length > shape.most)
    throw new UnusableKeyError(`the key has ${bytes.length} bytes, more than ${shape.most}`);
  // A password, a counter or zeros: whatever it is, nobody drew it.
  if (new Set(bytes).size < shape.least / 4) throw new UnusableKeyError('the key repeats itself: draw one at random');
  return new Uint8Array(bytes);
}

function refuseWeakRsa(jwk: Readonly<Record<string, unknown>>): void {
  const weakness = rsaWeakness(bytesIn(jwk, 'n'), bytesIn(jwk, 'e'));
  if (weakness !== undefined) throw new UnusableKeyError(`the RSA key is weak: ${weakness}`);
}

function pairIn(jwk: Readonly<Record<string, unknown>>): Pair {
  try {
    const privateKey = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' });
    const publicOnly = Object.fromEntries(['alg', ...PUBLIC].map((name) => [name, jwk[name]]));
    return { privateKey, publicKey: createPublicKey({ key: publicOnly as JsonWebKey, format: 'jwk' }) };
  } catch {
    // What OpenSSL says may hold what it was given.
    throw new UnusableKeyError('the members make no private key');
  }
}

/** Who publishes another public key than the one that signs, or agrees, breaks every verification. */
function refuseForeignHalf(alg: KeyAlgorithm, { publicKey, privateKey }: Pair): void {
  const fits = algorithms[alg].use === 'sig' ? signsFor(privateKey, publicKey) : agreesWith(privateKey, publicKey);
  if (!fits) throw new UnusableKeyError('the private and the public members do not belong together');
}

function signsFor(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const probe = randomBytes(32);
  const digest = privateKey.asymmetricKeyType === 'ec' || privateKey.asymmetricKeyType === 'rsa' ? 'sha256' : null;
  try {
    return verify(digest, probe, publicKey, sign(digest, probe, privateKey));
  } catch {
    return false;
  }
}

function agreesWith(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const { publicKey: theirs, privateKey: own } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  try {
    const one = diffieHellman({ privateKey, publicKey: theirs });
    const other = diffieHellman({ privateKey: own, publicKey });
    return timingSafeEqual(one, other);
  } catch {
    return false;
  }
}

function bytesIn(jwk: Readonly<Record<string, unknown>>, name: string): Buffer {
  const text = jwk[name];
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64url') : undefined;
  if (bytes === undefined || bytes.length === 0 || bytes.toString('base64url') !== text)
    throw new UnusableKeyError(`member ${name} is not base64url`);
  return bytes;
}
