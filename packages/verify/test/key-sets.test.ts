/** Key sets of an issuer: which keys verify, and which sets are refused whole. */
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rsaWeakness } from '../src/jose/weak-rsa.ts';
import { jwtLookup, UnusableKeyError } from '../src/jose.ts';
import { askedFor, signedLookupOf, WORKSPACE } from './support/signed-lookup.ts';
import { accessToken, ISSUER, jwksOf, signer } from './support/signing.ts';
import { NOW } from './support/tokens.ts';

const es = signer('ES256');
const rs = signer('RS256');
const ml = signer('ML-DSA-65');
const RSA_1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });

describe('a key set is refused whole', () => {
  it.each<[string, object[], string]>([
    ['that is empty', [], 'the key set holds no key to verify with'],
    ['of two keys of the same kid', [key(es), key(rs)], 'two keys have the kid key-1'],
    [
      'of two keys of the same kid, one of them for encryption',
      [key(es), key(rs, { use: 'enc' })],
      'two keys have the kid key-1',
    ],
    [
      'of two keys of the same kid, the first of them for encryption',
      [key(rs, { use: 'enc' }), key(es)],
      'two keys have the kid key-1',
    ],
    [
      'that holds a private key among public ones',
      [key(es), key(rs, { kid: 'b', ...rs.privateKey.export({ format: 'jwk' }) })],
      'key b: the key holds a secret',
    ],
    [
      'that holds a shared secret',
      [key(es), { kty: 'oct', kid: 'b', alg: 'HS256', k: 'AAAA' }],
      'key b: the key holds a secret',
    ],
    [
      'that holds a shared secret for encryption',
      [key(es), { kty: 'oct', kid: 'b', use: 'enc', k: 'AAAA' }],
      'key b: the key holds a secret',
    ],
    ['with a key without kid', [key(es), key(rs, { kid: undefined })], 'a key of the set has no kid'],
    ['with a key that is none', [key(es), null as unknown as object], 'a key of the set has no kid'],
    [
      'with a key that does not say its algorithm',
      [key(es, { alg: undefined })],
      'key key-1: the key does not say its algorithm',
    ],
    ['of algorithms not used here', [key(es, { alg: 'ES512' })], 'the key set holds no key to verify with'],
    [
      'with a key of ML-DSA that has its private half',
      [key(es), key(ml, { kid: 'b', priv: 'AAAA' })],
      'key b: the key holds a secret',
    ],
    ['with a key of ML-DSA that is too short', [key(ml, { pub: 'AAAA' })], 'key key-1: the members make no key'],
    ['with a key of another type', [key(es, { alg: 'RS256' })], 'key key-1: RS256 takes an RSA key'],
    ['with members that are no text', [key(es, { x: 7 })], 'key key-1: member x is not base64url'],
    ['with padded members', [key(es, { x: `${String(es.jwk.x)}=` })], 'key key-1: member x is not base64url'],
    ['with a point off the curve', [key(es, { y: es.jwk.x })], 'key key-1: the members make no key'],
    [
      'with an RSA key of 1024 bits',
      [key(rs, { ...RSA_1024 })],
      'key key-1: the RSA key is weak: its modulus has 1024 bits, fewer than 2048',
    ],
    [
      'with an RSA exponent of 1',
      [key(rs, { e: 'AQ' })],
      'key key-1: the RSA key is weak: its exponent is not a small odd number',
    ],
    [
      'of more than 100 keys',
      Array.from({ length: 101 }, (_, at) => key(es, { kid: `${at}` })),
      'a key set holds at most 100 keys',
    ],
  ])('%s', (_, keys, message) => {
    expect(() => lookupWith({ keys })).toThrow(new UnusableKeyError(message));
  });

  it.each([[], {}, { keys: {} }, { keys: 'x' }, { keys: null }])('that is %j', (jwks) => {
    const keys = jwks as unknown as { keys: object[] };
    expect(() => lookupWith(keys)).toThrow(new UnusableKeyError('a key set is an object with an array of keys'));
  });

  it('with a message that holds no key material', () => {
    const { d } = rs.privateKey.export({ format: 'jwk' });
    expect(() => lookupWith({ keys: [key(rs, { d })] })).toThrow(/^(?!.*[\w-]{30})/);
  });
});

describe('of a mixed key set', () => {
  const mixed = {
    keys: [
      ...jwksOf(['key-1', es]).keys,
      key(rs, { kid: 'enc', use: 'enc' }),
      { kty: 'EC', crv: 'P-521', alg: 'ES512', kid: 'big' },
    ],
  };

  it('those that verify are used', async () => {
    const text = accessToken(es);
    expect(await lookupWith(mixed).find(text, askedFor(text, NOW))).toMatchObject({ id: 'jwt-1' });
  });

  it('those for encryption never are', async () => {
    const text = accessToken(rs, { header: { kid: 'enc' } });
    expect(await lookupWith(mixed).find(text, askedFor(text, NOW))).toBe('signature_invalid');
  });
});

describe('a retired key', () => {
  it('does not verify', async () => {
    const text = accessToken(es);
    expect(await signedLookupOf(['key-1', es]).find(text, askedFor(text, NOW))).toMatchObject({ id: 'jwt-1' });
    expect(await signedLookupOf(['key-2', signer('ES256')]).find(text, askedFor(text, NOW))).toBe('signature_invalid');
  });
});

describe('an RSA key', () => {
  const E = Uint8Array.of(1, 0, 1);
  const sound = Buffer.from(String(rs.jwk.n), 'base64url');

  it('of a sound generator is not weak', () => {
    expect(rsaWeakness(sound, E)).toBeUndefined();
  });

  it('of the generator of CVE-2017-15361 is', () => {
    // Its primes were k * M + (65537 ** a mod M), M the product of the first primes; modulo each, a power of 65537.
    const primes = [
      2n,
      3n,
      5n,
      7n,
      11n,
      13n,
      17n,
      19n,
      23n,
      29n,
      31n,
      37n,
      41n,
      43n,
      47n,
      53n,
      59n,
      61n,
      67n,
      71n,
      73n,
    ];
    const more = [
      79n,
      83n,
      89n,
      97n,
      101n,
      103n,
      107n,
      109n,
      113n,
      127n,
      131n,
      137n,
      139n,
      149n,
      151n,
      157n,
      163n,
      167n,
    ];
    const m = [...primes, ...more].reduce((product, prime) => product * prime, 1n);
    const factor = (k: bigint, a: bigint) => k * m + (65537n ** a % m);
    const n = factor(3n << 804n, 1234n) * factor(5n << 804n, 777n);
    const hex = n.toString(16);
    const modulus = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
    expect(rsaWeakness(modulus, E)).toBe('it was made by a generator that is broken (CVE-2017-15361)');
  });

  it.each([
    ['an even exponent', Uint8Array.of(2), 'its exponent is not a small odd number'],
    ['an exponent of 40 bits', Uint8Array.of(1, 0, 0, 0, 1), 'its exponent is not a small odd number'],
  ])('with %s is', (_, exponent, weakness) => {
    expect(rsaWeakness(sound, exponent)).toBe(weakness);
  });

  it('of 8192 bits is too slow to be a stranger’s choice', () => {
    expect(rsaWeakness(new Uint8Array(1024).fill(255), E)).toBe('its modulus has 8192 bits, more than 4096');
  });
});

function key({ alg, jwk }: typeof es, parts: Readonly<Record<string, unknown>> = {}): object {
  return { ...jwk, kid: 'key-1', alg, use: 'sig', ...parts };
}

function lookupWith(keys: { readonly keys: readonly object[] }) {
  return jwtLookup({ issuer: ISSUER, keys, facts: () => ({ workspace: WORKSPACE }) });
}
