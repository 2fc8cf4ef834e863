/** Keys of any length as 128 bits for tables in shared memory. Nobody can choose keys that meet, for nobody knows the seed. */
import { hash } from 'node:crypto';

/** Four whole numbers of 32 bits: the first half of SHA-256 over seed and key. */
export type KeyHash = readonly [number, number, number, number];

/** Of each of the two generations that are remembered: the keys of a busy second, in some 3 MB. */
const REMEMBERED = 8192;
/** Of a longer key, what is remembered would take more memory than its hashing saves time. */
const LONGEST_REMEMBERED = 256;

/** Remembers the hashes of keys that were asked for lately, since the same few come again and again. */
export function keyHashes(seed: string): (key: string) => KeyHash {
  let young = new Map<string, KeyHash>();
  let old = young;
  return (key) => {
    const known = young.get(key);
    if (known !== undefined) return known;
    const found = old.get(key) ?? hashOf(seed, key);
    if (key.length > LONGEST_REMEMBERED) return found;
    if (young.size >= REMEMBERED) {
      old = young;
      young = new Map();
    }
    young.set(key, found);
    return found;
  };
}

function hashOf(seed: string, key: string): KeyHash {
  // One character a byte: cheaper than a Buffer.
  const digest = hash('sha256', seed + key, 'binary');
  return [word(digest, 0), word(digest, 4), word(digest, 8), word(digest, 12)];
}

function word(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) |
    (bytes.charCodeAt(at + 1) << 8) |
    (bytes.charCodeAt(at + 2) << 16) |
    (bytes.charCodeAt(at + 3) << 24)
  );
}
