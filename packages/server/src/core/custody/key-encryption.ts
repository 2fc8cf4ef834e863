/** What encrypts data keys: a master key of our own, or a service that never gives its key away. */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { deriveKey } from '../keys.ts';

export interface KeyEncryption {
  /** Names the key, in the store and in the audit log, and reveals nothing of it. */
  readonly name: string;
  /** `context` is authenticated, and must be the same to unwrap. */
  wrap(key: Uint8Array, context: Uint8Array): Promise<Uint8Array>;
  /** Rejects where this is not what was wrapped, in this context, with this key. */
  unwrap(wrapped: Uint8Array, context: Uint8Array): Promise<Uint8Array>;
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** By a key that is derived from the master key, with AES-256-GCM. Few keys are ever wrapped, so that nonces may be drawn. */
export function masterKeyEncryption(master: Uint8Array): KeyEncryption {
  const key = deriveKey(master, 'key-encryption');
  return {
    name: Buffer.from(deriveKey(master, 'key-name')).toString('base64url').slice(0, 16),
    async wrap(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce);
      cipher.setAAD(context);
      return new Uint8Array(Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
    },
    async unwrap(wrapped, context) {
      const end = wrapped.length - TAG_BYTES;
      const decipher = createDecipheriv(CIPHER, key, wrapped.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(context);
      decipher.setAuthTag(wrapped.subarray(end));
      return new Uint8Array(Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, end)), decipher.final()]));
    },
  };
}
