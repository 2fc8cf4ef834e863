export { type EncryptionKey, encryptCompact } from './jose/encrypt-compact.ts';
export type { RemoteKeys } from './jose/key-source.ts';
export { UnusableKeyError } from './jose/public-key.ts';
export { type SignedHeader, type SigningKey, signCompact } from './jose/sign-compact.ts';
export type { SigningAlgorithm } from './jose/signatures.ts';
export { rsaWeakness } from './jose/weak-rsa.ts';
export type { AccessClaims } from './lookups/access-claims.ts';
export { type ClaimedFacts, type JwtLookupOptions, jwtLookup } from './lookups/jwt.ts';
export { type DpopOptions, dpopProofs, LONGEST_CLAIM_MS } from './proofs/dpop.ts';
