/** How stores that are older than data keys know their master key. */
import { createHmac } from 'node:crypto';
import { deriveKey } from './keys.ts';

export const KEY_CHECK = 'key_check';

/** Proves that it is the same key, and reveals nothing of it. */
export function keyCheck(masterKey: Uint8Array): string {
  return createHmac('sha256', deriveKey(masterKey, 'key-check')).update('tessera').digest('hex');
}
