/** Signed texts in a JWE: read by whoever has the key, by another implementation. */
import { Buffer } from 'node:buffer';
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { signCompact, UnusableKeyError } from '@tessera/verify/jose';
import { compactDecrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { encryptCompact } from '../../../src/core/signed/encrypt-compact.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const secret = createSecretKey(randomBytes(32));

describe('an encrypted text', () => {
  const signed = signCompact({ typ: 'at+jwt', kid: 'key-1' }, { sub: 'user-7' }, { alg: 'ES256', key: ec.privateKey });

  it.each([
    ['ECDH-ES+A256KW', ec.publicKey, ec.privateKey],
    ['dir', secret, secret],
  ] as const)('by %s holds the signed text, for whoever has the key', async (alg, key, opening) => {
    const text = await encryptCompact(signed, { alg, key, kid: 'enc-1' });
    const { plaintext, protectedHeader } = await compactDecrypt(text, opening);
    expect(Buffer.from(plaintext).toString()).toBe(signed);
    expect(protectedHeader).toMatchObject({ alg, enc: 'A256GCM', typ: 'JWT', cty: 'JWT', kid: 'enc-1' });
    expect(protectedHeader).not.toHaveProperty('zip');
  });

  it('is never the same twice', async () => {
    const texts = await Promise.all(
      Array.from({ length: 8 }, () => encryptCompact(signed, { alg: 'dir', key: secret, kid: 'enc-1' })),
    );
    expect(new Set(texts.map((text) => text.split('.')[2])).size).toBe(8);
  });

  it.each([
    ['ECDH-ES+A256KW', 'a private key', ec.privateKey],
    ['ECDH-ES+A256KW', 'a key on another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    ['ECDH-ES+A256KW', 'a shared secret', secret],
    ['dir', 'a public key', ec.publicKey],
    ['dir', '31 bytes', createSecretKey(randomBytes(31))],
  ] as const)('by %s is not made with %s', async (alg, _, key) => {
    await expect(encryptCompact(signed, { alg, key, kid: 'enc-1' })).rejects.toThrow(
      new UnusableKeyError(`${alg} cannot encrypt with this key`),
    );
  });
});
