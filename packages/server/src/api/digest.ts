/** Digests as callers write them. */
import { Buffer } from 'node:buffer';
import type { DigestKey } from '@tessera/verify';

/** From base64url; the contract has seen to it that it is one. */
export function digestOf(text: string): DigestKey {
  return Buffer.from(text, 'base64url').toString('latin1') as DigestKey;
}
