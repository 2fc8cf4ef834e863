/** What is signed here is what the RFCs say: others verify it, and it has one spelling. */
import { Buffer } from 'node:buffer';
import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto';
import { compactVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { strictCompact } from '../src/jose/strict-compact.ts';
import { type SigningAlgorithm, signCompact, UnusableKeyError } from '../src/jose.ts';

const HEADER = { typ: 'at+jwt', kid: 'key-1' };
const CLAIMS = { sub: 'user-7', name: 'Žofie 😀', exp: 1_793_620_800 };

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const secret = createSecretKey(randomBytes(32));
const keys: Readonly<Record<SigningAlgorithm, KeyObject>> = {
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  ES256: ec.privateKey,
  PS256: rsa.privateKey,
  RS256: rsa.privateKey,
  'ML-DSA-65': generateKeyPairSync('ml-dsa-65').privateKey,
  HS256: secret,
};
const ALGS = Object.keys(keys) as SigningAlgorithm[];

describe('a signed text', () => {
  it.each(ALGS)('by %s is verified by another implementation, with what was signed', async (alg) => {
    const text = signCompact(HEADER, CLAIMS, { alg, key: keys[alg] });
    const { protectedHeader, payload } = await compactVerify(text, publicOf(keys[alg]), { algorithms: [alg] });
    expect(protectedHeader).toEqual({ alg, ...HEADER });
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(CLAIMS);
  });

  it.each(ALGS)('by %s is one that the strict reader takes', (alg) => {
    const read = strictCompact(signCompact(HEADER, CLAIMS, { alg, key: keys[alg] }), 8192);
    expect(read).toMatchObject({ header: { alg, ...HEADER }, claims: CLAIMS });
  });

  it('by ES256 has a low S, always, and one that verifies', () => {
    const highest = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n / 2n;
    for (let run = 0; run < 64; run += 1) {
      const text = signCompact(HEADER, { run }, { alg: 'ES256', key: ec.privateKey });
      const [input, signature] = halves(text);
      expect(signature).toHaveLength(64);
      expect(BigInt(`0x${signature.toString('hex', 32)}`) <= highest).toBe(true);
      expect(verify('sha256', input, { key: ec.publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    }
  });

  it('says nothing in its header but algorithm, type and key', () => {
    const more = { ...HEADER, alg: 'none', jku: 'https://evil.example/' };
    const text = signCompact(more, CLAIMS, { alg: 'ES256', key: ec.privateKey });
    expect(JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'ES256',
      ...HEADER,
    });
  });

  it.each<[SigningAlgorithm, string, KeyObject]>([
    ['ES256', 'an RSA key', rsa.privateKey],
    ['ES256', 'a key on another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['RS256', 'a P-256 key', ec.privateKey],
    ['EdDSA', 'an Ed448 key', generateKeyPairSync('ed448').privateKey],
    ['ML-DSA-65', 'a key of ML-DSA-44', generateKeyPairSync('ml-dsa-44').privateKey],
    ['HS256', 'a private key', ec.privateKey],
    ['HS256', 'a public key', rsa.publicKey],
    ['RS256', 'a public key', rsa.publicKey],
    ['RS256', 'a shared secret', secret],
  ])('by %s is not made with %s', (alg, _, key) => {
    expect(() => signCompact(HEADER, CLAIMS, { alg, key })).toThrow(
      new UnusableKeyError(`${alg} cannot sign with this key`),
    );
  });
});

function publicOf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}

function halves(text: string): [input: Buffer, signature: Buffer] {
  const at = text.lastIndexOf('.');
  return [Buffer.from(text.slice(0, at)), Buffer.from(text.slice(at + 1), 'base64url')];
}
