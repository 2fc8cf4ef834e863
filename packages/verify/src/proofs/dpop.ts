/** Proof that the caller holds the key its token is bound to: DPoP (RFC 9449). */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import {
  isSignatureAlgorithm,
  type PublicMembers,
  publicMembers,
  type SignatureAlgorithm,
  thumbprint,
  UnusableKeyError,
  verifyingKey,
} from '../jose/public-key.ts';
import { type StrictCompact, strictCompact } from '../jose/strict-compact.ts';
import { isRecord } from '../jose/strict-json.ts';
import { isSignedBy } from '../jose/verifying-key.ts';
import { chain } from '../maybe-promise.ts';
import type { PresentedProof, Proofs } from '../ports.ts';
import type { ReplayStore } from './replays.ts';
import { normalTarget } from './target.ts';

export interface DpopOptions {
  /** Where used proofs are remembered; nodes that serve the same tokens share one. */
  readonly replays: ReplayStore;
  /** How far ahead of our clock a proof may be dated. Default 60. */
  readonly clockSkewSeconds?: number;
  /** How old a proof may be by our clock. Default 60. */
  readonly maxAgeSeconds?: number;
}

const MAX_AGE_SECONDS = 60;
const CLOCK_SKEW_SECONDS = 60;
/** For how long, in milliseconds, a proof is claimed at most, by the defaults: one that is dated as far ahead as may be. */
export const LONGEST_CLAIM_MS = (MAX_AGE_SECONDS + CLOCK_SKEW_SECONDS) * 1000;

/** A proof is a small thing; the largest RSA key and every claim fit in half of this. A key of ML-DSA does not, nor in a header field. */
const MAX_PROOF_LENGTH = 4096;
const MAX_JTI_LENGTH = 256;

/** A proof as it was presented, before anything of it is believed. */
interface Proof {
  readonly read: StrictCompact;
  readonly alg: SignatureAlgorithm;
  readonly key: PublicMembers;
}

/**
 * Judges proofs by the list of RFC 9449 section 4.3, the cheap checks first. Where the replay store cannot tell, `check`
 * rejects, and the decision denies with `fault`.
 */
export function dpopProofs(options: DpopOptions): Proofs {
  const { replays } = options;
  const maxAgeMs = (options.maxAgeSeconds ?? MAX_AGE_SECONDS) * 1000;
  const skewMs = (options.clockSkewSeconds ?? CLOCK_SKEW_SECONDS) * 1000;

  return Object.freeze({
    check(presented: PresentedProof, boundKey: string, now: number) {
      const proof = readProof(presented.proof);
      if (proof === undefined) return 'proof_invalid';
      const { jti, iat, htm, htu, ath } = proof.read.claims;
      if (!isJti(jti) || !isNumber(iat)) return 'proof_invalid';
      if (htm !== presented.method || !isTarget(htu, presented.url)) return 'proof_invalid';
      if (!isOfToken(ath, presented)) return 'proof_invalid';
      if (!isRecent(iat * 1000, now, { maxAgeMs, skewMs })) return 'proof_invalid';
      if (thumbprint(proof.key) !== boundKey) return 'proof_invalid';
      if (!isSignedByItsKey(proof)) return 'proof_invalid';
      // Claimed last, so that a proof that was refused for another reason is not used up by it.
      const claimed = replays.claim(claimKey(boundKey, jti), iat * 1000 + maxAgeMs, boundKey);
      return chain(claimed, (first) => (first ? 'ok' : 'replayed'));
    },
  });
}

/** Thumbprint (RFC 7638) of the key that a proof says it was made with: nothing of it is believed yet. Undefined: it is no proof. */
export function claimedThumbprint(proof: string): string | undefined {
  const read = readProof(proof);
  return read && thumbprint(read.key);
}

function isOfToken(ath: unknown, { digest, forToken }: PresentedProof): boolean {
  if (ath === undefined && forToken === true) return true;
  return ath === Buffer.from(digest, 'latin1').toString('base64url');
}

/** Exactly one well-formed proof: two of them, joined as header fields are, hold a comma and are none. */
function readProof(text: string): Proof | undefined {
  const read = strictCompact(text, MAX_PROOF_LENGTH);
  if (read === undefined) return undefined;
  const { alg, typ, jwk } = read.header;
  if (typ !== 'dpop+jwt' || !isSignatureAlgorithm(alg) || !isRecord(jwk)) return undefined;
  const key = unlessUnusable(() => publicMembers(jwk, alg));
  return key && { read, alg, key };
}

function isSignedByItsKey({ read, key, alg }: Proof): boolean {
  const verifying = unlessUnusable(() => verifyingKey(key, alg));
  return verifying !== undefined && isSignedBy(read, verifying);
}

/** The key of a proof is a stranger's choice: a bad one is a bad proof, not a fault. */
function unlessUnusable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnusableKeyError) return undefined;
    throw error;
  }
}

function isJti(jti: unknown): jti is string {
  return typeof jti === 'string' && jti !== '' && jti.length <= MAX_JTI_LENGTH;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isTarget(htu: unknown, url: string): boolean {
  const target = typeof htu === 'string' ? normalTarget(htu) : undefined;
  return target !== undefined && target === normalTarget(url);
}

function isRecent(
  made: number,
  now: number,
  { maxAgeMs, skewMs }: { readonly maxAgeMs: number; readonly skewMs: number },
): boolean {
  return made > now - maxAgeMs && made <= now + skewMs;
}

/** A `jti` is unique for its key only (RFC 9449 section 11.1). Hashed, every claim takes the same room. */
function claimKey(boundKey: string, jti: string): string {
  return hash('sha256', `${boundKey}.${jti}`, 'base64url');
}
