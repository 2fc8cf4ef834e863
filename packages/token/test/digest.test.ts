/** Digest and fingerprint agree with other implementations, and a fingerprint depends on 80 bits and no more. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digest, fingerprint } from '../src/digest.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('digest', () => {
  it('is the SHA-256 of the text in UTF-8', async () => {
    expect(hex(await digest('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        expect(hex(await digest(text))).toBe(createHash('sha256').update(text, 'utf8').digest('hex'));
      }),
    );
  });
});

describe('fingerprint', () => {
  it.each([
    // The words of RFC 4648 section 10, as far as they reach, and the ends of the alphabet.
    ['foobarfoob', 'mzxw6ytbojtg633c'],
    ['\0'.repeat(10), 'aaaaaaaaaaaaaaaa'],
    ['\xff'.repeat(10), '7777777777777777'],
  ])('of %j is %s', (bytes, expected) => {
    expect(fingerprint(Buffer.from(bytes, 'latin1'))).toBe(expected);
  });

  it('is 80 bits in the alphabet of RFC 4648, without loss', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 64 }), (bytes) => {
        const text = fingerprint(bytes);
        expect(text).toMatch(/^[a-z2-7]{16}$/);
        let bits = '';
        for (const character of text) {
          bits += 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(character).toString(2).padStart(5, '0');
        }
        expect(BigInt(`0b${bits}`)).toBe(BigInt(`0x${hex(bytes.subarray(0, 10))}`));
      }),
    );
  });

  it('refuses a digest of fewer than 80 bits', () => {
    expect(() => fingerprint(new Uint8Array(9))).toThrow(
      new RangeError('a fingerprint needs a digest of 80 bits or more'),
    );
  });
});
