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

/** Four bytes of a key, as a number from 0 to 2^32 - 1: a digest is its own hash. Written out, since verdicts in memory begin with it. */
export function digestWord(key: DigestKey, at: number): number {
  const low = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 8);
  return (low | (key.charCodeAt(at + 2) << 16) | (key.charCodeAt(at + 3) << 24)) >>> 0;
}
