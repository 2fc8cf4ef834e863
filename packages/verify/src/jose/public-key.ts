/** Public keys that may verify a signature: which algorithms there are, and which JWK (RFC 7517) each of them takes. */
import { createPublicKey, hash } from 'node:crypto';
import type { SigningAlgorithm } from './signatures.ts';
import { bytesOf } from './strict-compact.ts';
import type { VerifyingKey } from './verifying-key.ts';
import { rsaWeakness } from './weak-rsa.ts';

/** With a shared secret, whoever verifies could also sign: so there is none among the keys that are published. */
export type SignatureAlgorithm = Exclude<SigningAlgorithm, 'HS256'>;

const ALGORITHMS: readonly SignatureAlgorithm[] = ['EdDSA', 'ES256', 'PS256', 'RS256', 'ML-DSA-65'];

/** Just the members that make a public key, which are also those that its thumbprint covers (RFC 7638 section 3.2). */
export type PublicMembers =
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'AKP'; readonly alg: 'ML-DSA-65'; readonly pub: string };

/** A key that must not be used. The message says why and never holds key material. */
export class UnusableKeyError extends Error {
  override readonly name = 'UnusableKeyError';
}

type UnreadJwk = Readonly<Record<string, unknown>>;

/** Members of private and symmetric keys (RFC 7518 section 6, RFC 9964): where one is, a secret was published. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const;

export function isSignatureAlgorithm(name: unknown): name is SignatureAlgorithm {
  return ALGORITHMS.some((algorithm) => algorithm === name);
}

export function holdsSecret(jwk: UnreadJwk): boolean {
  return jwk.kty === 'oct' || SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name));
}

/** The public key that a JWK holds for this algorithm. Throws `UnusableKeyError` where it holds none, or a weak one. */
export function publicMembers(jwk: UnreadJwk, alg: SignatureAlgorithm): PublicMembers {
  if (holdsSecret(jwk)) throw new UnusableKeyError('the key holds a secret');
  if (jwk.alg !== undefined && jwk.alg !== alg) throw new UnusableKeyError(`the key is not for ${alg}`);
  if (jwk.use !== undefined && jwk.use !== 'sig') throw new UnusableKeyError('the key is not for signatures');
  switch (alg) {
    case 'EdDSA':
      if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519') throw new UnusableKeyError('EdDSA takes an Ed25519 key');
      return { kty: 'OKP', crv: 'Ed25519', x: member(jwk, 'x').text };
    case 'ES256':
      if (jwk.kty !== 'EC' || jwk.crv !== 'P-256') throw new UnusableKeyError('ES256 takes a P-256 key');
      return { kty: 'EC', crv: 'P-256', x: member(jwk, 'x').text, y: member(jwk, 'y').text };
    case 'PS256':
    case 'RS256': {
      if (jwk.kty !== 'RSA') throw new UnusableKeyError(`${alg} takes an RSA key`);
      const n = member(jwk, 'n');
      const e = member(jwk, 'e');
      const weakness = rsaWeakness(n.bytes, e.bytes);
      if (weakness !== undefined) throw new UnusableKeyError(`the RSA key is weak: ${weakness}`);
      return { kty: 'RSA', n: n.text, e: e.text };
    }
    case 'ML-DSA-65':
      // The key names its algorithm (RFC 9964): nothing else in it tells the variants apart.
      if (jwk.kty !== 'AKP' || jwk.alg !== alg) throw new UnusableKeyError('ML-DSA-65 takes an AKP key that says so');
      return { kty: 'AKP', alg, pub: member(jwk, 'pub').text };
  }
}

/** Throws `UnusableKeyError` where the members make no key, as those of a point that is off the curve. */
export function verifyingKey(members: PublicMembers, alg: SignatureAlgorithm): VerifyingKey {
  try {
    return Object.freeze({ alg, key: createPublicKey({ key: { ...members }, format: 'jwk' }) });
  } catch (cause) {
    throw new UnusableKeyError('the members make no key', { cause });
  }
}

/** RFC 7638: the members in lexical order, without a space between. */
export function thumbprint(members: PublicMembers): string {
  return hash('sha256', JSON.stringify(members, Object.keys(members).sort()), 'base64url');
}

function member(jwk: UnreadJwk, name: string): { readonly text: string; readonly bytes: Uint8Array } {
  const text = jwk[name];
  const bytes = typeof text === 'string' ? bytesOf(text) : undefined;
  if (typeof text !== 'string' || bytes === undefined || bytes.length === 0)
    throw new UnusableKeyError(`member ${name} is not base64url`);
  return { text, bytes };
}
