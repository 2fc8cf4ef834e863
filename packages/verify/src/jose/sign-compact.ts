/** Signing: the compact form of a JWS (RFC 7515 section 7.1), in the one spelling that the strict reader takes. */
import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { UnusableKeyError } from './public-key.ts';
import { type SigningAlgorithm, signatureOf, takes } from './signatures.ts';

export interface SigningKey {
  readonly alg: SigningAlgorithm;
  /** A private key, or the secret one of `HS256`. */
  readonly key: KeyObject;
}

/** All that a header of ours says beside its algorithm, which is the key's. */
export interface SignedHeader {
  /** Media type without `application/`, as `at+jwt`: no text passes for one of another kind (RFC 8725 section 3.11). */
  readonly typ: string;
  readonly kid: string;
}

/**
 * The signed text of these claims. At once, in the thread that asks: a signature takes less time than another thread does to answer.
 *
 * @throws UnusableKeyError where the key is not one of its algorithm
 *
 * @example
 * signCompact({ typ: 'at+jwt', kid: 'key_1' }, { sub: 'user-7', exp: 1793620800 }, { alg: 'ES256', key });
 */
export function signCompact(
  { typ, kid }: SignedHeader,
  claims: Readonly<Record<string, unknown>>,
  { alg, key }: SigningKey,
): string {
  if (key.type === 'public' || !takes(alg, key)) throw new UnusableKeyError(`${alg} cannot sign with this key`);
  const input = `${encoded({ alg, typ, kid })}.${encoded(claims)}`;
  return `${input}.${signatureOf(Buffer.from(input, 'latin1'), alg, key).toString('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
