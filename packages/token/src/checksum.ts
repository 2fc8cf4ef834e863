/**
 * The checksum at the end of a token: it lets typos and look-alikes be refused without a look-up, and scanners be sure of
 * what they found. It is no protection against forgery; anybody can compute it.
 */
import { BASE, TOKEN_ALPHABET } from './base62.ts';

/** Characters of a checksum: the fewest base62 digits that hold 32 bits. */
export const CHECKSUM_LENGTH = 6;

const CRC_OF_BYTE = crcTable();

/**
 * The CRC-32 (IEEE 802.3) of `body` as six base62 digits, most significant first, padded with `0`.
 *
 * @param body everything of the token before its checksum, in ASCII
 * @throws RangeError when `body` is not ASCII, for which the format defines no bytes
 * @example checksum('123456789') // '3jZRME', from CRC-32 0xCBF43926
 */
export function checksum(body: string): string {
  let crc = CRC_START;
  for (let at = 0; at < body.length; at += 1) {
    const code = body.charCodeAt(at);
    if (code > 0x7f) throw new RangeError('a checksum is defined for ASCII text only');
    crc = crcStep(crc, code);
  }
  let rest = crcEnd(crc);
  let digits = '';
  while (digits.length < CHECKSUM_LENGTH) {
    digits = TOKEN_ALPHABET.charAt(rest % BASE) + digits;
    rest = Math.floor(rest / BASE);
  }
  return digits;
}

/** The register before the first byte. */
export const CRC_START = ~0;

/** The register after one more byte. */
export function crcStep(crc: number, byte: number): number {
  return (crc >>> 8) ^ (CRC_OF_BYTE[(crc ^ byte) & 0xff] ?? 0);
}

/** The CRC-32 that the register holds, as an unsigned number. */
export function crcEnd(crc: number): number {
  return ~crc >>> 0;
}

function crcTable(): Int32Array {
  const reversedPolynomial = 0xedb88320;
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ reversedPolynomial : crc >>> 1;
    return crc;
  });
}
