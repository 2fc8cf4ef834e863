/** One token has one text: whatever is changed in a text that a key of ours signed, nothing is left that the key signed. */
import { Buffer } from 'node:buffer';
import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strictCompact } from '../src/jose/strict-compact.ts';
import { isSignedBy, type VerifyingKey } from '../src/jose/verifying-key.ts';
import { type SigningAlgorithm, signCompact } from '../src/jose.ts';
import { anyText } from './support/any-text.ts';
import { otherHalf } from './support/other-half.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const keys: Readonly<Record<SigningAlgorithm, KeyObject>> = {
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  PS256: rsa,
  RS256: rsa,
  'ML-DSA-65': generateKeyPairSync('ml-dsa-65').privateKey,
  HS256: createSecretKey(randomBytes(32)),
};
const ALGS = Object.keys(keys) as SigningAlgorithm[];
const CLAIMS = { iss: 'https://issuer.example.test', sub: 'user-7', aud: 'https://api.example.test', exp: 1768479000 };

type Change = (text: string) => string;

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
/** What is often forgiven: padding, space, a mark at the beginning, the other alphabet of base64, a letter that looks alike. */
const forgiven = fc.constantFrom('=', '==', ' ', '\n', '\r\n', '\t', '\0', '\ufeff', '\u200b', '+', '/', '%3D', 'Ａ');

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(at, fc.nat({ max: 6 })).map(([where, bit]) => one(where, (unit) => unit ^ (1 << bit))),
  // Cut to a byte, as decoders of base64 do, it is the same letter.
  at.map((where) => one(where, (unit) => unit + 0x100)),
  fc.tuple(at, anyText(3)).map(([where, more]) => around(where, (before, after) => before + more + after)),
  fc.tuple(at, forgiven).map(([where, more]) => around(where, (before, after) => before + more + after)),
  fc.tuple(at, forgiven).map(([where, more]) => around(where, (before, after) => before + more + after.slice(1))),
  forgiven.map((more) => (text: string) => text.split('.').join(`${more}.`)),
  forgiven.map((more) => (text: string) => text + more),
  fc
    .tuple(at, fc.integer({ min: 1, max: 40 }))
    .map(([where, length]) => around(where, (before, after) => before + after.slice(length))),
  fc
    .tuple(at, fc.integer({ min: 1, max: 40 }))
    .map(([where, length]) => around(where, (before, after) => before + after.slice(0, length) + after)),
  fc.shuffledSubarray([0, 1, 2], { minLength: 1 }).map((order) => (text: string) => {
    const segments = text.split('.');
    return order.map((index) => segments[index]).join('.');
  }),
  // Bits behind the last byte of a segment.
  fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 63 })).map(([which, index]) => (text: string) => {
    const segments = text.split('.');
    segments[which] = `${segments[which]?.slice(0, -1)}${ALPHABET[index]}`;
    return segments.join('.');
  }),
  fc.constantFrom<Change>(
    (text) => text.toUpperCase(),
    (text) => text.toLowerCase(),
    (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
    (text) => text.replaceAll('.', '%2E'),
    (text) => JSON.stringify(text),
    (text) => `${text}.`,
    (text) => `.${text}`,
    (text) => `${text}.${text}`,
    (text) => `Bearer ${text}`,
  ),
);

describe.each(ALGS)('of a text that was signed by %s', (alg) => {
  const text = signCompact({ typ: 'at+jwt', kid: 'key-1' }, CLAIMS, { alg, key: keys[alg] });

  it('no other spelling is accepted, whatever was changed, once or several times', () => {
    expect(isAccepted(text, alg)).toBe(true);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = changes.reduce((before, apply) => apply(before), text);
        fc.pre(changed !== text);
        expect(isAccepted(changed, alg)).toBe(false);
      }),
      { numRuns: 600 },
    );
  });

  it('no character can be another one of the alphabet', () => {
    const from = text.lastIndexOf('.') + 1;
    // A look at every tenth: those of the signature, and the last one, whose bits are not all used.
    for (let index = from; index < text.length; index += index + 10 < text.length ? 10 : 1) {
      for (const by of ['A', 'Q', 'g', 'w', '_']) {
        const changed = text.slice(0, index) + by + text.slice(index + 1);
        if (changed !== text) expect(isAccepted(changed, alg)).toBe(false);
      }
    }
  });
});

it('the other S of ES256 is no second spelling', () => {
  for (let run = 0; run < 32; run += 1) {
    const key = { alg: 'ES256', key: keys.ES256 } as const;
    const text = signCompact({ typ: 'at+jwt', kid: 'key-1' }, { ...CLAIMS, jti: `${run}` }, key);
    expect(isAccepted(text, 'ES256')).toBe(true);
    expect(isAccepted(otherHalf(text), 'ES256')).toBe(false);
  }
});

it('a text of any kind is read or refused, and nothing is thrown', () => {
  const segment = fc.oneof(anyText(20), fc.base64String({ maxLength: 40 }), fc.constantFrom('', 'e30', 'eyJhbGciOiJ9'));
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const text = segments.join('.');
      for (const alg of ALGS) expect(isAccepted(text, alg)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

it('a signature of any bytes is verified or refused, and nothing is thrown', () => {
  const lengths = fc.constantFrom(0, 1, 31, 32, 33, 63, 64, 65, 70, 255, 256, 257, 3308, 3309, 3310);
  const bytes = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(bytes, fc.constantFrom(...ALGS), (signature, alg) => {
      const [header, payload] = signCompact({ typ: 'at+jwt', kid: 'k' }, CLAIMS, { alg, key: keys[alg] }).split('.');
      expect(isAccepted(`${header}.${payload}.${Buffer.from(signature).toString('base64url')}`, alg)).toBe(false);
    }),
    { numRuns: 200 },
  );
});

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function isAccepted(text: string, alg: SigningAlgorithm): boolean {
  const read = strictCompact(text, 16_384);
  return read !== undefined && read.header.alg === alg && isSignedBy(read, ownKey(alg));
}

function ownKey(alg: SigningAlgorithm): VerifyingKey {
  const key = keys[alg];
  return { alg, key: key.type === 'secret' ? key : createPublicKey(key), lowS: true };
}

/** One character of the text as another one. */
function one(where: number, other: (unit: number) => number): Change {
  return (text) => {
    const index = Math.floor(where * text.length);
    return text.slice(0, index) + String.fromCharCode(other(text.charCodeAt(index))) + text.slice(index + 1);
  };
}

function around(where: number, joined: (before: string, after: string) => string): Change {
  return (text) => {
    const index = Math.floor(where * text.length);
    return joined(text.slice(0, index), text.slice(index));
  };
}
