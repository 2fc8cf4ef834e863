/** One master key, and the keys for separate purposes that are derived from it (HKDF, RFC 5869). */
import { hkdfSync } from 'node:crypto';

export type KeyPurpose = 'audit-head' | 'cursor' | 'key-check' | 'key-encryption' | 'key-name';

/** 32 bytes for one purpose. Knowing one derived key tells nothing of the master key or the others. */
export function deriveKey(master: Uint8Array, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', master, new Uint8Array(0), `tessera/v1/${purpose}`, 32));
}
