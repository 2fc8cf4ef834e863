/** A key that verifies, and whether it signed a text. */
import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { hasHighS, isSignatureOf, type SigningAlgorithm } from './signatures.ts';
import type { StrictCompact } from './strict-compact.ts';

/** A key with the one algorithm that it verifies: what a text says of its algorithm is compared, never followed. */
export interface VerifyingKey {
  readonly alg: SigningAlgorithm;
  readonly key: KeyObject;
  /**
   * Refuses the other half of the signatures of ES256 (see `hasHighS`): of keys whose signatures are all made by `signCompact`.
   * Other issuers sign as it comes. Absent: both halves verify.
   */
  readonly lowS?: boolean;
}

/** At once, in the thread that asks: another thread would take longer to answer than most signatures take. */
export function isSignedBy({ input, signature }: StrictCompact, { alg, key, lowS }: VerifyingKey): boolean {
  return (
    isSignatureOf(signature, Buffer.from(input, 'latin1'), { alg, key }) &&
    !(lowS === true && alg === 'ES256' && hasHighS(signature))
  );
}
