/** Signed access tokens (RFC 9068) of an issuer: verified here, with the keys of the issuer, without asking it. */
import type { DigestKey } from '../digest.ts';
import { givenKeys, type RemoteKeys, remoteKeys } from '../jose/key-source.ts';
import { isSignatureAlgorithm } from '../jose/public-key.ts';
import { type StrictCompact, strictCompact } from '../jose/strict-compact.ts';
import { isSignedBy } from '../jose/verifying-key.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import type { SignedAsked, SignedLookup, TokenFacts } from '../ports.ts';
import { requirement } from '../requirement.ts';
import { condition, MAX_SIGNED_LENGTH } from '../validation.ts';
import { type AccessClaims, accessClaims } from './access-claims.ts';

export interface JwtLookupOptions {
  /** Compared with `iss`, character by character. */
  readonly issuer: string;
  /** One of `aud` must be this. Undefined: any single audience, which the requirement then judges. */
  readonly audience?: string;
  /** The keys themselves, or where they are fetched and followed. */
  readonly keys: { readonly keys: readonly object[] } | RemoteKeys;
  /**
   * What the claims do not say, at least the workspace; what is named here stands before what the claims say.
   * Undefined: nobody stands behind these claims, the token is `unknown`. Throwing means "cannot tell".
   */
  readonly facts: (claims: AccessClaims) => MaybePromise<ClaimedFacts | undefined>;
  /** By how much the clock of the issuer may differ from ours. Default 60. */
  readonly clockSkewSeconds?: number;
}

/** Facts that a service may add to a signed token. Id, times and binding are only those that were signed. */
export type ClaimedFacts = Pick<TokenFacts, 'workspace'> &
  Partial<Omit<TokenFacts, 'id' | 'secret' | 'expiresAt' | 'notBefore' | 'boundKey' | 'clockSkewMs'>>;

/** Media type of an access token (RFC 9068 section 2.1), so that no other signed text of the issuer passes for one. */
const ACCESS_TOKEN_TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt'];

const NOTHING_REQUIRED = requirement({});

/**
 * Looks up signed tokens: at once where the key is in memory and `facts` is a plain function. A given key set that must not be
 * used throws `UnusableKeyError` here; a fetched one, or one that cannot be fetched, makes `find` reject.
 */
export function jwtLookup(options: JwtLookupOptions): SignedLookup {
  const { issuer, audience, facts } = options;
  const keys = 'jwksUrl' in options.keys ? remoteKeys(options.keys) : givenKeys(options.keys);
  const clockSkewMs = (options.clockSkewSeconds ?? 60) * 1000;

  function meant(claims: AccessClaims, claimed: ClaimedFacts | undefined, { digest, now }: SignedAsked) {
    if (claimed === undefined) return 'unknown';
    const found: TokenFacts = {
      ...signedFacts(claims, digest),
      api: apiOf(claims, audience),
      ...claimed,
      clockSkewMs,
    };
    return condition(found, NOTHING_REQUIRED, now) ?? (isMeantFor(claims, audience) ? found : 'wrong_audience');
  }

  return Object.freeze({
    find(text: string, asked: SignedAsked) {
      const read = strictCompact(text, MAX_SIGNED_LENGTH);
      const kid = read === undefined ? undefined : keyNamed(read);
      if (read === undefined || kid === undefined) return 'malformed';
      return chain(keys.find(kid, asked.now), (key) => {
        if (key === undefined) return 'signature_invalid';
        if (key.alg !== read.header.alg) return 'malformed';
        if (!isSignedBy(read, key)) return 'signature_invalid';
        const claims = accessClaims(read.claims);
        if (claims === undefined) return 'malformed';
        if (claims.iss !== issuer) return 'unknown';
        return chain(facts(claims), (claimed) => meant(claims, claimed, asked));
      });
    },
  });
}

/** The key that an access token says it was signed with; nothing else passes for one, and no text brings its own key along. */
function keyNamed({ header: { alg, typ, kid, jwk } }: StrictCompact): string | undefined {
  return ACCESS_TOKEN_TYPES.includes(typ) && isSignatureAlgorithm(alg) && jwk === undefined ? kid : undefined;
}

/** Several audiences and none of them ours to name: for which one it is presented cannot be known. */
function isMeantFor({ aud }: AccessClaims, audience: string | undefined): boolean {
  return audience === undefined ? aud.length === 1 : aud.includes(audience);
}

function apiOf({ aud }: AccessClaims, audience: string | undefined): TokenFacts['api'] {
  const name = audience ?? aud.join(' ');
  return { id: name, audience: name };
}

function signedFacts(claims: AccessClaims, digest: DigestKey): Omit<TokenFacts, 'workspace' | 'api'> {
  const { sub, clientId, nbf } = claims;
  return {
    id: claims.jti,
    kind: 'access_token',
    name: clientId ?? sub,
    // Without a resource owner the subject is the client itself (RFC 9068 section 2.2).
    owner: { id: sub, type: sub === clientId ? 'service' : 'user', roles: [], enabled: true },
    environment: 'live',
    scopes: claims.scopes,
    expiresAt: claims.exp * 1000,
    // A token cannot have been used before it was made.
    notBefore: Math.max(claims.iat, nbf ?? 0) * 1000,
    secret: { key: digest, state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    limits: [],
    quotas: [],
    addresses: [],
    boundKey: claims.boundKey,
  };
}
