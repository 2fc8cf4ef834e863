/** Base62 as secrets and checksums write it: digits, upper case, lower case, which is also the order of their ASCII codes. */
export const TOKEN_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export const BASE = TOKEN_ALPHABET.length;

/** What {@link digitValue} answers for a character outside the alphabet. */
export const NOT_A_DIGIT = -1;

const VALUES = new Int8Array(128).fill(NOT_A_DIGIT);
for (let value = 0; value < BASE; value += 1) VALUES[TOKEN_ALPHABET.charCodeAt(value)] = value;

/** The value, 0 to 61, of the character with this UTF-16 code; nothing is folded or normalised. */
export function digitValue(code: number): number {
  return code < 128 ? (VALUES[code] ?? NOT_A_DIGIT) : NOT_A_DIGIT;
}
