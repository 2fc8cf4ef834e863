/** What is sealed opens where it was sealed for, and nowhere else, and not after a single bit was changed. */
import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Place, placeBytes } from '../../../src/core/custody/place.ts';
import { BrokenSeal, type DataKey, openValue, sealValue } from '../../../src/core/custody/sealed-value.ts';

const place: Place = { workspace: 'ws_1', table: 'keys', column: 'private', row: 'key_1' };
const dataKey = (id = 'dek_1'): DataKey => ({ id, key: createSecretKey(randomBytes(32)) });
const key = dataKey();
const texts = fc.string({ maxLength: 12, unit: 'binary' });

test('any bytes come back as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => {
      expect(openValue(key, place, sealValue(key, place, plain))).toEqual(plain);
    }),
  );
});

test('the same bytes are never sealed to the same text, nor longer than they need', () => {
  const plain = randomBytes(32);
  const sealed = Array.from({ length: 100 }, () => Buffer.from(sealValue(key, place, plain)).toString('hex'));
  expect(new Set(sealed).size).toBe(100);
  expect(sealed[0]).toHaveLength(2 * (2 + 'dek_1'.length + 32 + 32 + 16));
});

describe('is broken', () => {
  const sealed = sealValue(key, place, new TextEncoder().encode('the private key'));

  test('each single bit that is turned', () => {
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => openValue(key, place, changed), `bit ${bit}`).toThrow(BrokenSeal);
    }
  });

  test('cut at any length, and with anything behind it', () => {
    for (let length = 0; length < sealed.length; length += 1)
      expect(() => openValue(key, place, sealed.subarray(0, length)), `${length} bytes`).toThrow(BrokenSeal);
    expect(() => openValue(key, place, Uint8Array.of(...sealed, 0))).toThrow(BrokenSeal);
  });

  test.each<Partial<Place>>([{ workspace: 'ws_2' }, { table: 'upstreams' }, { column: 'public' }, { row: 'key_2' }])(
    'at another place: %o',
    (other) => {
      expect(() => openValue(key, { ...place, ...other }, sealed)).toThrow(
        new BrokenSeal({ ...place, ...other }).message,
      );
    },
  );

  test('under another data key, whatever it is called', () => {
    expect(() => openValue(dataKey(), place, sealed)).toThrow(BrokenSeal);
    expect(() => openValue({ ...key, id: 'dek_2' }, place, sealed)).toThrow(BrokenSeal);
  });
});

test('no two places are spelled alike', () => {
  const places = fc.record({ workspace: texts, table: texts, column: texts, row: texts });
  const wellFormed = (one: Place) => Object.values(one).every((text: string) => text.isWellFormed());
  fc.assert(
    fc.property(places.filter(wellFormed), places.filter(wellFormed), (one, other) => {
      const isSame = JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other));
      expect(Buffer.from(placeBytes(one)).equals(placeBytes(other))).toBe(isSame);
    }),
  );
});
