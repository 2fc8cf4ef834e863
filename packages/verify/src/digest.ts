/** SHA-256 of a token text as a key for look-ups: 32 characters, one a byte. */
import { hash } from 'node:crypto';

declare const brand: unique symbol;

/** A digest as a string of one character a byte: the cheapest exact key for a Map. */
export type DigestKey = string & { readonly [brand]: 'DigestKey' };

/** Tokens are looked up by digest, never by text, so that no comparison leaks how far a guess was right. */
export function digestKey(text: string, algorithm: 'sha256' | 'sha512' = 'sha256'): DigestKey {
  return hash(algorithm, text, 'binary') as DigestKey;
}

/** The same key from the bytes of a digest, as a store holds them. */
export function digestKeyOf(bytes: Uint8Array): DigestKey {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key as DigestKey;
}

/** The bytes of a key. */
export function digestBytes(key: DigestKey): Uint8Array {
  const bytes = new Uint8Array(key.length);
  // Not `Uint8Array.from`, which takes the text apart first, and twenty times as long.
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = key.charCodeAt(index);
  return bytes;
}
