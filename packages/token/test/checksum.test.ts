/** The checksum is the CRC-32 that everybody else computes, written in base62. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TOKEN_ALPHABET } from '../src/base62.ts';
import { checksum } from '../src/checksum.ts';

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 600 });

describe('checksum', () => {
  it.each([
    ['', '000000'],
    ['123456789', '3jZRME'],
  ])('of %j is %s', (body, expected) => {
    expect(checksum(body)).toBe(expected);
  });

  it('agrees with the CRC-32 of zlib', () => {
    fc.assert(
      fc.property(ascii, (body) => {
        const digits = checksum(body);
        let value = 0n;
        for (const digit of digits) value = value * 62n + BigInt(TOKEN_ALPHABET.indexOf(digit));
        expect(digits).toMatch(/^[0-9A-Za-z]{6}$/);
        expect(value).toBe(BigInt(crc32(body)));
      }),
    );
  });

  it.each(['é', 'tsr_live_\uff11', '\ud800', '\x80'])('is refused for %j, which is not ASCII', (body) => {
    expect(() => checksum(body)).toThrow(new RangeError('a checksum is defined for ASCII text only'));
  });
});

describe('TOKEN_ALPHABET', () => {
  it('is digits, upper case, lower case', () => {
    expect(TOKEN_ALPHABET).toBe('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
  });
});
