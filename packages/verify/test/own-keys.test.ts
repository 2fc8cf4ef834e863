/** Keys of our own: each text that they signed has one spelling, and a shared secret is never one that was published. */
import { Buffer } from 'node:buffer';
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDer, toDer } from '../src/jose/ecdsa-der.ts';
import { thumbprint } from '../src/jose/public-key.ts';
import { hasHighS } from '../src/jose/signatures.ts';
import { strictCompact } from '../src/jose/strict-compact.ts';
import { isSignedBy, type VerifyingKey } from '../src/jose/verifying-key.ts';
import { signCompact } from '../src/jose.ts';
import { otherHalf } from './support/other-half.ts';

const HEADER = { typ: 'at+jwt', kid: 'key-1' };
const CLAIMS = { sub: 'user-7' };

describe('a signature of ES256 with the other S', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = signCompact(HEADER, CLAIMS, { alg: 'ES256', key: privateKey });
  const foreign: VerifyingKey = { alg: 'ES256', key: publicKey };
  const own: VerifyingKey = { ...foreign, lowS: true };

  it('is refused for a key of ours', () => {
    expect(isSigned(text, own)).toBe(true);
    expect(isSigned(otherHalf(text), own)).toBe(false);
  });

  it('is as good for a key of another issuer, which signs as it comes', () => {
    expect(isSigned(text, foreign)).toBe(true);
    expect(isSigned(otherHalf(text), foreign)).toBe(true);
    expect(otherHalf(otherHalf(text))).toBe(text);
  });

  it('is refused at the first S that is high, and not before', () => {
    const half = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
    const withS = (s: bigint) => Buffer.from(`${'11'.repeat(32)}${s.toString(16).padStart(64, '0')}`, 'hex');
    expect([half - 1n, half, half + 1n].map((s) => hasHighS(withS(s)))).toEqual([false, false, true]);
  });
});

describe('a signature of ES256 in DER', () => {
  it('is that of the same r and s, both ways, however long each of them is', () => {
    const scalar = fc.record({ zeros: fc.nat({ max: 31 }), bytes: fc.uint8Array({ minLength: 32, maxLength: 32 }) });
    fc.assert(
      fc.property(scalar, scalar, (r, s) => {
        const signature = Buffer.concat([r, s].map(({ zeros, bytes }) => Buffer.from(bytes).fill(0, 0, zeros)));
        const der = toDer(signature);
        const integers = [signature.subarray(0, 32), signature.subarray(32)].map((bytes) => {
          const hex = BigInt(`0x${bytes.toString('hex')}`).toString(16);
          const even = hex.padStart(hex.length + (hex.length % 2), '0');
          return Buffer.from(`${/^[89a-f]/.test(even) ? '00' : ''}${even}`, 'hex');
        });
        const expected = integers.map((bytes) => Buffer.from([2, bytes.length, ...bytes]));
        const length = expected.reduce((sum, bytes) => sum + bytes.length, 0);
        expect(der).toEqual(Buffer.concat([Buffer.from([0x30, length]), ...expected]));
        expect(fromDer(der)).toEqual(signature);
      }),
    );
  });
});

describe('a shared secret', () => {
  const key = createSecretKey(randomBytes(32));
  const text = signCompact(HEADER, CLAIMS, { alg: 'HS256', key });

  it('that was handed in verifies what it signed', () => {
    expect(isSigned(text, { alg: 'HS256', key })).toBe(true);
  });

  it('verifies nothing else', () => {
    expect(isSigned(text, { alg: 'HS256', key: createSecretKey(randomBytes(32)) })).toBe(false);
    expect(isSigned(`${text.slice(0, -4)}AAAA`, { alg: 'HS256', key })).toBe(false);
    expect(isSigned(text.slice(0, text.lastIndexOf('.') + 1), { alg: 'HS256', key })).toBe(false);
    const [input, signature = ''] = text.split(/\.(?=[^.]*$)/);
    const cut = Buffer.from(signature, 'base64url').subarray(0, 31).toString('base64url');
    expect(isSigned(`${input}.${cut}`, { alg: 'HS256', key })).toBe(false);
  });
});

describe('the thumbprint of a key', () => {
  it('is that of RFC 7638 section 3.1', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs' +
      'tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn' +
      '1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    expect(thumbprint({ kty: 'RSA', n, e: 'AQAB' })).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
  });

  it('is that of RFC 8037 appendix A.3', () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
    expect(thumbprint({ x, kty: 'OKP', crv: 'Ed25519' })).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
});

function isSigned(text: string, key: VerifyingKey): boolean {
  const read = strictCompact(text, 8192);
  if (read === undefined) throw new Error('not a compact text');
  return isSignedBy(read, key);
}
