export type { RemoteKeys } from './jose/key-source.ts';
export { UnusableKeyError } from './jose/public-key.ts';
export { rsaWeakness } from './jose/weak-rsa.ts';
export type { AccessClaims } from './lookups/access-claims.ts';
export { type ClaimedFacts, type JwtLookupOptions, jwtLookup } from './lookups/jwt.ts';
export { type DpopOptions, dpopProofs, LONGEST_CLAIM_MS } from './proofs/dpop.ts';
