/** The other signature of ES256 that anybody can make of one: where (r, s) verifies, so does (r, n - s). */
import { Buffer } from 'node:buffer';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export function otherHalf(text: string): string {
  const at = text.lastIndexOf('.');
  const hex = Buffer.from(text.slice(at + 1), 'base64url').toString('hex');
  const s = ORDER - BigInt(`0x${hex.slice(64)}`);
  const flipped = Buffer.from(hex.slice(0, 64) + s.toString(16).padStart(64, '0'), 'hex');
  return `${text.slice(0, at)}.${flipped.toString('base64url')}`;
}
