/** An issuer whose tokens an api accepts, as the platform keeps it: how its tokens are checked, and what they may do here. */

export type ForeignAlgorithm = 'EdDSA' | 'ES256' | 'PS256' | 'RS256';

export type ClaimValue = string | number | boolean;
/** Claim to the value that it must have, or those of which it must have one. */
export type RequiredClaims = Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>;

export type ScopeRule =
  | { readonly scopes: readonly string[]; readonly when?: RequiredClaims | undefined }
  | { readonly claim: string; readonly map: Readonly<Record<string, readonly string[]>> }
  | { readonly claim: string; readonly prefix: string };

export type OwnerRule = { readonly id: string } | { readonly claim: string; readonly metadata?: string | undefined };

export interface IntrospectionMethod {
  readonly url: string;
  readonly clientId: string;
  readonly authentication: 'basic' | 'post';
  /** What its opaque tokens start with; empty: anything. */
  readonly prefix: string;
}

export type IssuerMethod =
  | { readonly discovery: true }
  | { readonly jwksUrl: string }
  | { readonly introspection: IntrospectionMethod };

export interface IssuerRules {
  /** What `aud` must contain; `null`: not asked. */
  readonly audience: string | null;
  readonly algorithms: readonly ForeignAlgorithm[];
  /** Lower-cased values of `typ`; `absent`: none. */
  readonly tokenTypes: readonly string[];
  readonly requiredClaims: RequiredClaims;
  readonly scopes: readonly ScopeRule[];
  readonly owner: OwnerRule | null;
  readonly maxLifetimeSeconds: number;
}

export interface Issuer {
  readonly id: string;
  readonly workspace: string;
  readonly api: string;
  readonly name: string;
  /** Compared with `iss`, character by character. */
  readonly issuer: string;
  readonly method: IssuerMethod;
  /** The client secret for introspection, sealed for this row; `null`: there is none. */
  readonly sealed: Uint8Array | null;
  readonly rules: IssuerRules;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: number;
}

/** Tokens of an issuer that are refused: one by its `jti`, those of a subject, or all, as far as they were issued before. */
export interface ForeignRevocation {
  /** The same for the same workspace, issuer, `jti` and `sub`. */
  readonly id: string;
  readonly workspace: string;
  readonly issuer: string;
  readonly jti: string | null;
  readonly sub: string | null;
  /** Milliseconds since the epoch; `null`: whenever they were issued. */
  readonly issuedBefore: number | null;
  readonly at: number;
  /** When every token that it concerns has ended. */
  readonly until: number;
}

/** No token of another issuer counts for longer, so that no revocation of one has to be kept for longer. */
export const LONGEST_LIFETIME_SECONDS = 2_678_400;
/** By how much the clock of an issuer may differ from ours. */
export const FOREIGN_SKEW_MS = 60_000;
