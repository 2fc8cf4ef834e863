/** Keys are made sound, and taken from elsewhere only where they are: weak, foreign and mixed-up ones are refused with a reason. */
import { createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { UnusableKeyError } from '@tessera/verify/jose';
import { describe, expect, test } from 'vitest';
import { algorithms, type KeyAlgorithm } from '../../../src/core/key-ring/algorithms.ts';
import { generateKey, importKey, type KeyMaterial } from '../../../src/core/key-ring/key-material.ts';

const names = Object.keys(algorithms) as KeyAlgorithm[];
type Jwk = Readonly<Record<string, unknown>>;

function jwkOf({ alg, secret }: KeyMaterial): Jwk {
  if (algorithms[alg].shape.kind === 'octets') return { kty: 'oct', k: Buffer.from(secret).toString('base64url') };
  return createPrivateKey({ key: Buffer.from(secret), format: 'der', type: 'pkcs8' }).export({ format: 'jwk' }) as Jwk;
}

const forAgreement = (): JsonWebKey => generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
const onCurve = (namedCurve: string): JsonWebKey =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'jwk' });
const rsa = (modulusLength: number, publicExponent = 65_537): JsonWebKey =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey.export({ format: 'jwk' });

describe.each(names)('%s', (alg) => {
  test('is made, and taken back as it was, also where the text says what it is for', async () => {
    const made = await generateKey(alg);
    const jwk = jwkOf(made);
    expect(importKey(alg, jwk)).toEqual(made);
    expect(importKey(alg, { ...jwk, alg, use: algorithms[alg].use, kid: 'theirs' })).toEqual(made);
  });

  test('shows of itself nothing that is secret', async () => {
    const { publicJwk } = await generateKey(alg);
    const shown = Object.keys(publicJwk ?? {})
      .sort()
      .join(' ');
    const isSymmetric = algorithms[alg].shape.kind === 'octets';
    expect(publicJwk === undefined).toBe(isSymmetric);
    if (!isSymmetric) expect(['crv kty x', 'crv kty x y', 'e kty n', 'kty pub']).toContain(shown);
  });

  test('is not made twice', async () => {
    const [one, other] = [await generateKey(alg), await generateKey(alg)];
    expect(Buffer.from(one.secret).equals(other.secret)).toBe(false);
  });

  test('is not taken for another algorithm or use, nor without its private half', async () => {
    const made = await generateKey(alg);
    const jwk = jwkOf(made);
    const refused = (given: Jwk): void => expect(() => importKey(alg, given)).toThrow(UnusableKeyError);
    refused({ ...jwk, alg: alg === 'EdDSA' ? 'ES256' : 'EdDSA' });
    refused({ ...jwk, use: algorithms[alg].use === 'sig' ? 'enc' : 'sig' });
    refused({ ...jwk, key_ops: ['sign'] });
    refused({ ...jwk, kty: jwk.kty === 'oct' ? 'OKP' : 'oct' });
    refused({ ...made.publicJwk });
    refused({});
  });
});

test.each(names.filter((alg) => algorithms[alg].shape.kind !== 'octets'))(
  '%s is not taken with the public half of another',
  async (alg) => {
    const jwk = jwkOf(await generateKey(alg));
    const { publicJwk: others } = await generateKey(alg);
    expect(() => importKey(alg, { ...jwk, ...others })).toThrow(UnusableKeyError);
  },
);

test.each<[string, KeyAlgorithm, () => Jwk, string]>([
  ['RSA of 1,024 bits', 'RS256', () => ({ ...rsa(1024) }), 'its modulus has 1024 bits, fewer than 2048'],
  ['RSA of 1,024 bits', 'PS256', () => ({ ...rsa(1024) }), 'its modulus has 1024 bits, fewer than 2048'],
  ['an exponent of 1', 'RS256', () => ({ ...rsa(2048), e: 'AQ' }), 'its exponent is not a small odd number'],
  ['the curve of Bitcoin', 'ES256', () => ({ ...onCurve('secp256k1') }), 'ES256 takes a key on P-256'],
  ['a longer curve', 'ECDH-ES+A256KW', () => ({ ...onCurve('P-384') }), 'takes a key on P-256'],
  ['a curve for agreement', 'EdDSA', () => ({ ...forAgreement() }), 'EdDSA takes a key on Ed25519'],
  [
    'a point that is not on the curve',
    'ES256',
    () => ({ ...onCurve('P-256'), y: Buffer.alloc(32, 1).toString('base64url') }),
    'make no private key',
  ],
  ['31 bytes', 'HS256', () => ({ kty: 'oct', k: Buffer.alloc(31, 7).toString('base64url') }), 'fewer than 32'],
  ['65 bytes', 'HS256', () => ({ kty: 'oct', k: Buffer.alloc(65, 7).toString('base64url') }), 'more than 64'],
  ['zeros', 'HS256', () => ({ kty: 'oct', k: Buffer.alloc(32).toString('base64url') }), 'draw one at random'],
  ['padding', 'HS256', () => ({ kty: 'oct', k: `${Buffer.alloc(32, 1).toString('base64url')}=` }), 'not base64url'],
  ['33 bytes', 'A256GCM', () => ({ kty: 'oct', k: Buffer.alloc(33, 7).toString('base64url') }), 'more than 32'],
])('%s for %s is refused', (_what, alg, jwk, why) => {
  expect(() => importKey(alg, jwk())).toThrow(why);
});

test('the key of RFC 8037 appendix A.1 is the one whose public half stands there', () => {
  const jwk = {
    kty: 'OKP',
    crv: 'Ed25519',
    d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  };
  expect(importKey('EdDSA', jwk).publicJwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x: jwk.x });
});

test('no refusal repeats what was given', () => {
  const secret = Buffer.alloc(31, 'secret').toString('base64url');
  for (const alg of names) {
    const given = { kty: 'oct', k: secret, d: secret, x: secret, n: secret };
    try {
      importKey(alg, given);
    } catch (error) {
      expect(String(error)).not.toContain(secret);
    }
  }
});
