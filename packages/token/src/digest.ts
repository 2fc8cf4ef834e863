/** What is kept of a token in place of its text, and the short name that logs and reports give to it. */
import { platform } from './platform.ts';

const FINGERPRINT_BYTES = 10;
const BASE32_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The SHA-256 digest, 32 bytes, of a text in UTF-8. A token holds 256 random bits, so a fast hash suffices: there is
 * nothing to guess, and a slow one would only exhaust the verifier. Check the text with `parse` first.
 *
 * @returns rejects where there is no WebCrypto, as on a web page served without TLS
 */
export async function digest(text: string): Promise<Uint8Array> {
  const bytes = new platform.TextEncoder().encode(text);
  return new Uint8Array(await platform.crypto.subtle.digest('SHA-256', bytes));
}

/**
 * The first 80 bits of a digest in base32 (RFC 4648 section 6), lower case: 16 characters that name a secret without
 * helping anybody to guess it.
 *
 * @throws RangeError when the digest has fewer than 80 bits
 */
export function fingerprint(digestBytes: Uint8Array): string {
  if (digestBytes.length < FINGERPRINT_BYTES) throw new RangeError('a fingerprint needs a digest of 80 bits or more');
  let characters = '';
  let pending = 0;
  let pendingBits = 0;
  for (const byte of digestBytes.subarray(0, FINGERPRINT_BYTES)) {
    pending = ((pending << 8) | byte) & 0xfff;
    pendingBits += 8;
    while (pendingBits >= 5) {
      pendingBits -= 5;
      characters += BASE32_ALPHABET.charAt((pending >>> pendingBits) & 0x1f);
    }
  }
  return characters;
}
