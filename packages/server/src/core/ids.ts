/**
 * Ids: a prefix that names the kind, then a UUIDv7 in Crockford base32, so that ids sort by time of creation; those of one
 * process in the order in which they were made, also within a millisecond and where its clock is set back.
 */
import { createHash, randomInt, randomUUIDv7 } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_CHARACTERS = 26;
/** RFC 9562 section 6.2, method 2: what follows too closely is the one before and a random step. */
const LONGEST_STEP = 2 ** 32;

export type IdPrefix = 'ws' | 'api' | 'own' | 'role' | 'tok' | 'node' | 'dek' | 'key' | 'iss';

/** A new id, like `tok_01k3zq4v8e7m0a9c5d6f7g8h9j`. */
export function newId(prefix: IdPrefix): string {
  const drawn = BigInt(`0x${randomUUIDv7().replaceAll('-', '')}`);
  last = drawn > last ? drawn : last + BigInt(randomInt(1, LONGEST_STEP));
  return `${prefix}_${base32(last)}`;
}

let last = 0n;

/** The same id for the same parts, of which none may be confused with another: `ext_` and 130 bits of their SHA-256. */
export function derivedId(parts: readonly (string | null)[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  return `ext_${base32(BigInt(`0x${digest.toString('hex')}`))}`;
}

function base32(value: bigint): string {
  let text = '';
  for (let rest = value, left = ID_CHARACTERS; left > 0; left -= 1, rest >>= 5n)
    text = ALPHABET[Number(rest & 31n)] + text;
  return text;
}
