/** Encrypting a signed text: the compact form of a JWE (RFC 7516 section 7.1) around it, for the eyes of one audience. */
import type { KeyObject } from 'node:crypto';
import { UnusableKeyError } from '@tessera/verify/jose';
import { CompactEncrypt } from 'jose';

/** `ECDH-ES+A256KW`: the recipient's public key on P-256. `dir`: 32 bytes that both know. */
export interface EncryptionKey {
  readonly alg: 'ECDH-ES+A256KW' | 'dir';
  readonly key: KeyObject;
  readonly kid: string;
}

const utf8 = new TextEncoder();

/**
 * A nested JWT (RFC 7519 section 5.2): what is signed is encrypted with A256GCM, and never the other way around. The header says
 * what is inside, so that its recipient knows to verify it.
 *
 * @throws UnusableKeyError where the key is not one of its algorithm
 */
export async function encryptCompact(signed: string, { alg, key, kid }: EncryptionKey): Promise<string> {
  if (!isKeyOf(alg, key)) throw new UnusableKeyError(`${alg} cannot encrypt with this key`);
  return new CompactEncrypt(utf8.encode(signed))
    .setProtectedHeader({ alg, enc: 'A256GCM', typ: 'JWT', cty: 'JWT', kid })
    .encrypt(key);
}

function isKeyOf(alg: EncryptionKey['alg'], key: KeyObject): boolean {
  return alg === 'dir'
    ? key.type === 'secret' && key.symmetricKeySize === 32
    : key.type === 'public' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}
