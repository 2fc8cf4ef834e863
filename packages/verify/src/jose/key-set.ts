/** A JWK Set (RFC 7517 section 5) as the keys that may verify, by their `kid`. */
import { holdsSecret, isSignatureAlgorithm, publicMembers, UnusableKeyError, verifyingKey } from './public-key.ts';
import { isRecord } from './strict-json.ts';
import type { VerifyingKey } from './verifying-key.ts';

export type KeySet = ReadonlyMap<string, VerifyingKey>;

const MAX_KEYS = 100;

/**
 * Reads a set. Keys for encryption, or of algorithms that are not used here, are left out. The whole set is refused,
 * with `UnusableKeyError`, where it shows that whoever made it made a mistake: a key that holds a secret, a weak one,
 * one without `alg` or `kid`, two with the same `kid`, or none to verify with.
 */
export function keySet(jwks: unknown): KeySet {
  const listed: unknown = isRecord(jwks) ? jwks.keys : undefined;
  if (!Array.isArray(listed)) throw new UnusableKeyError('a key set is an object with an array of keys');
  if (listed.length > MAX_KEYS) throw new UnusableKeyError(`a key set holds at most ${MAX_KEYS} keys`);
  const names = new Set<string>();
  const keys = new Map<string, VerifyingKey>();
  for (const jwk of listed as readonly unknown[]) {
    const kid = nameOf(jwk);
    if (names.has(kid)) throw new UnusableKeyError(`two keys have the kid ${kid}`);
    names.add(kid);
    const key = isRecord(jwk) ? keyOf(jwk, kid) : undefined;
    if (key !== undefined) keys.set(kid, key);
  }
  if (keys.size === 0) throw new UnusableKeyError('the key set holds no key to verify with');
  return keys;
}

function nameOf(jwk: unknown): string {
  const kid = isRecord(jwk) ? jwk.kid : undefined;
  if (typeof kid !== 'string' || kid === '') throw new UnusableKeyError('a key of the set has no kid');
  return kid;
}

function keyOf(jwk: Readonly<Record<string, unknown>>, kid: string): VerifyingKey | undefined {
  const { alg, use } = jwk;
  try {
    if (holdsSecret(jwk)) throw new UnusableKeyError('the key holds a secret');
    if (use !== undefined && use !== 'sig') return undefined;
    if (alg === undefined) throw new UnusableKeyError('the key does not say its algorithm');
    return isSignatureAlgorithm(alg) ? verifyingKey(publicMembers(jwk, alg), alg) : undefined;
  } catch (cause) {
    if (!(cause instanceof UnusableKeyError)) throw cause;
    throw new UnusableKeyError(`key ${kid}: ${cause.message}`, { cause });
  }
}
