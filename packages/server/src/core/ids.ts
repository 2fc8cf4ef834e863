/** Ids: a prefix that names the kind, then a UUIDv7 in Crockford base32, so that ids sort by time of creation. */
import { randomUUIDv7 } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_CHARACTERS = 26;

export type IdPrefix = 'ws' | 'api' | 'own' | 'role' | 'tok' | 'node' | 'dek' | 'key';

/** A new id, like `tok_01k3zq4v8e7m0a9c5d6f7g8h9j`. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${base32(BigInt(`0x${randomUUIDv7().replaceAll('-', '')}`))}`;
}

function base32(value: bigint): string {
  let text = '';
  for (let rest = value, left = ID_CHARACTERS; left > 0; left -= 1, rest >>= 5n)
    text = ALPHABET[Number(rest & 31n)] + text;
  return text;
}
