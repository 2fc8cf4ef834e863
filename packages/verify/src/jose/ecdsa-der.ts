/**
 * Signatures of ES256 as JOSE has them, r and s of 32 bytes each (RFC 7518 section 3.4), and as OpenSSL has them: two integers
 * in DER (RFC 3279 section 2.2.3). `node:crypto` would convert by itself (`ieee-p1363`), and takes as long for it as for half a signature.
 */
import { Buffer } from 'node:buffer';

/** Of r and of s. */
const SCALAR_BYTES = 32;
const [SEQUENCE, INTEGER] = [0x30, 0x02];
/** Tag and length: everything here is shorter than 128 bytes. */
const HEAD_BYTES = 2;
/** Two integers of 33 bytes, where the first of each is the zero that makes it positive. */
const MOST_BYTES = HEAD_BYTES + 2 * (HEAD_BYTES + 1 + SCALAR_BYTES);

/** @param signature 64 bytes */
export function toDer(signature: Buffer): Buffer {
  const der = Buffer.allocUnsafe(MOST_BYTES);
  const middle = putInteger(der, HEAD_BYTES, signature.subarray(0, SCALAR_BYTES));
  const end = putInteger(der, middle, signature.subarray(SCALAR_BYTES));
  der[0] = SEQUENCE;
  der[1] = end - HEAD_BYTES;
  return der.subarray(0, end);
}

/** @param der as OpenSSL writes it, and nobody else */
export function fromDer(der: Buffer): Buffer {
  const signature = Buffer.alloc(2 * SCALAR_BYTES);
  const middle = takeInteger(der, HEAD_BYTES, signature.subarray(0, SCALAR_BYTES));
  takeInteger(der, middle, signature.subarray(SCALAR_BYTES));
  return signature;
}

/** As few bytes as there can be, the first of them below 128 (X.690 section 8.3). Gives where the next one begins. */
function putInteger(der: Buffer, at: number, scalar: Buffer): number {
  let from = 0;
  while (from < SCALAR_BYTES - 1 && scalar[from] === 0) from += 1;
  const zero = (scalar[from] ?? 0) > 0x7f ? 1 : 0;
  const length = zero + SCALAR_BYTES - from;
  der[at] = INTEGER;
  der[at + 1] = length;
  der[at + HEAD_BYTES] = 0;
  scalar.copy(der, at + HEAD_BYTES + zero, from);
  return at + HEAD_BYTES + length;
}

/** To the end of `scalar`, whose other bytes are zero. Gives where the next integer begins. */
function takeInteger(der: Buffer, at: number, scalar: Buffer): number {
  const end = at + HEAD_BYTES + (der[at + 1] ?? 0);
  const from = Math.max(at + HEAD_BYTES, end - SCALAR_BYTES);
  der.copy(scalar, SCALAR_BYTES - (end - from), from, end);
  return end;
}
