/** What the platform keeps, as core sees it. Times are milliseconds since the epoch; `null` is "none", as in the API. */
import type { Environment, OnFault, OwnerType, TokenKind } from '@tessera/verify';
import type { CreditAccount, Refill } from './credits.ts';
import type { KeyAlgorithm, SignatureAlgorithm } from './key-ring/algorithms.ts';

interface Kept {
  readonly id: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Counts changes; `ETag` and `If-Match` speak of it. */
  readonly version: number;
}

export interface Workspace extends Kept {
  readonly name: string;
  readonly enabled: boolean;
  readonly deletedAt: number | null;
}

export interface Api extends Kept {
  readonly workspace: string;
  readonly name: string;
  readonly audience: string;
  readonly prefix: string;
  /** Scope to description; `any`: every well-formed scope. */
  readonly scopes: 'any' | Readonly<Record<string, string>>;
  readonly defaultExpirySeconds: number | null;
  readonly maximumExpirySeconds: number | null;
  /** How its signed tokens are made; `null`: with EdDSA, and nothing beyond what each has. */
  readonly jwt: JwtProfile | null;
  readonly builtIn: boolean;
}

/** How the signed tokens of an api are made. */
export interface JwtProfile {
  readonly alg?: SignatureAlgorithm | undefined;
  /** Claims that each has beside the registered ones; texts may name owner and token. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** Absent: they are not encrypted. */
  readonly encryption?: JwtEncryption | undefined;
}

export interface JwtEncryption {
  readonly alg: 'ECDH-ES+A256KW' | 'dir';
  /** Public key of who reads them (RFC 7517); absent: the workspace's own key for it. */
  readonly jwk?: Readonly<Record<string, string>> | undefined;
}

export interface Addresses {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

export interface Limit {
  readonly name?: string | undefined;
  readonly limit: number;
  /** Seconds. */
  readonly window: number;
  readonly burst?: number | undefined;
  readonly cost?: number | undefined;
  /** `shadow`: counted exactly, and never refusing. */
  readonly mode?: 'exact' | 'approximate' | 'shadow' | undefined;
  readonly onFault?: OnFault | undefined;
}

export interface Quota {
  readonly limit: number;
  readonly period: 'day' | 'month';
  readonly mode?: 'enforce' | 'shadow' | undefined;
  readonly onFault?: OnFault | undefined;
}

/** That a token has credits, and how they are refilled; how many are left is kept apart. */
export interface Credits {
  readonly refill: Refill | null;
}

export type Metadata = Readonly<Record<string, string>>;

export interface Role extends Kept {
  readonly workspace: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly ip: Addresses;
}

export interface Owner extends Kept {
  readonly workspace: string;
  readonly type: OwnerType;
  readonly name: string;
  /** Ids of roles. */
  readonly roles: readonly string[];
  readonly enabled: boolean;
  readonly quota: Quota | null;
  readonly metadata: Metadata;
  readonly deletedAt: number | null;
}

export interface Token extends Kept {
  readonly workspace: string;
  readonly kind: TokenKind;
  readonly name: string;
  readonly owner: string | null;
  readonly api: string;
  readonly environment: Environment;
  readonly scopes: readonly string[];
  readonly limits: readonly Limit[];
  readonly quota: Quota | null;
  readonly credits: Credits | null;
  readonly ip: Addresses;
  readonly metadata: Metadata;
  readonly boundKey: string | null;
  /** `jwt`: its secret is a signed text, whose `jti` is this id. */
  readonly format: 'opaque' | 'jwt';
  /** Id of the token that it descends from, may do no more than, and dies with. */
  readonly parent: string | null;
  /** Id of the application that it was issued to, and of the session that it belongs to. */
  readonly client: string | null;
  readonly session: string | null;
  readonly enabled: boolean;
  /** Id of the token that minted it, or `system`. */
  readonly createdBy: string;
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly revokedReason: string | null;
  readonly lastUsedAt: number | null;
}

/** `pending` waits for its first use; `retiring` ends at `validUntil`; `retired` is refused as `rotated` and kept. */
export type SecretState = 'active' | 'pending' | 'retiring' | 'retired';

export interface Secret {
  readonly digest: Uint8Array;
  readonly algorithm: 'sha256' | 'sha512';
  readonly token: string;
  readonly fingerprint: string | null;
  /** Start and last four characters of the text. */
  readonly hint: string;
  readonly state: SecretState;
  readonly createdAt: number;
  readonly validUntil: number | null;
  /** Id of the key that signed it. Absent: it is not a signed text. */
  readonly signedWith?: string;
  /** Of a `pending` secret: how long the old one lives on after the first use, in seconds. */
  readonly graceSeconds: number | null;
  readonly lastUsedAt: number | null;
}

/** A token with its secrets, newest first. */
export interface TokenWithSecrets {
  readonly token: Token;
  readonly secrets: readonly Secret[];
  /** As it was last written; undefined: the token has no credits. */
  readonly account: CreditAccount | undefined;
}

/** What one indexed read by digest returns: all that a verdict needs. */
export interface TokenContext {
  readonly secret: Secret;
  readonly token: Token;
  readonly api: Api;
  readonly workspace: Workspace;
  readonly owner: Owner | null;
  readonly roles: readonly Role[];
  /** The tokens that it descends from, nearest first: of the same workspace, api and owner. */
  readonly ancestors: readonly Token[];
}

export interface AuditEntry {
  readonly workspace: string;
  readonly at: number;
  readonly actor: { readonly token: string | null; readonly owner: string | null; readonly kind: 'token' | 'system' };
  /** `token.revoke`, `owner.update` and so on. */
  readonly action: string;
  readonly target: { readonly type: string; readonly id: string } | null;
  readonly outcome: 'ok' | 'denied';
  readonly requestId: string | null;
  readonly address: string | null;
  /** What changed. Never holds a secret. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditRecord extends AuditEntry {
  readonly seq: number;
  /** Hash of the record before; 64 zeros for the first. */
  readonly previous: string;
  readonly hash: string;
}

/** Where a workspace's chain stands, authenticated with a key that is not in the store. */
export interface AuditHead {
  readonly workspace: string;
  readonly seq: number;
  readonly hash: string;
  readonly mac: string;
}

type Subject = 'token' | 'owner' | 'api' | 'role' | 'key' | 'issuer' | 'client' | 'session' | 'prefix' | 'workspace';

export interface ChangeEntry {
  readonly workspace: string;
  /** `token.revoked`, `owner.disabled` and so on. */
  readonly kind: `${Subject}.${string}`;
  readonly id: string;
  /** Signed tokens that this concerns and that were issued before it are not believed by their claims alone; the last of them ends then. */
  readonly signedUntil?: number;
}

export interface Change extends ChangeEntry {
  readonly seq: number;
  readonly at: number;
}

export interface UsageCount {
  readonly token: string;
  /** Start of the hour. */
  readonly hour: number;
  readonly allowed: number;
  readonly denied: number;
}

export interface LastUse {
  readonly token: string;
  readonly digest: Uint8Array;
  readonly at: number;
}

/** `next` is published and signs nothing yet; `retired` verifies what it signed; `gone` has nothing left but its record. */
export type KeyState = 'next' | 'active' | 'retired' | 'gone';

/** A key of a workspace's ring. It has one algorithm, and is named by its id (`kid`). */
export interface RingKey extends Kept {
  readonly workspace: string;
  readonly alg: KeyAlgorithm;
  readonly state: KeyState;
  readonly origin: 'generated' | 'imported';
  /** `null`: of a symmetric key, and of one that is gone. */
  readonly publicJwk: Readonly<Record<string, string>> | null;
  /** The private half, sealed for this row; `null`: it is gone. */
  readonly sealed: Uint8Array | null;
  readonly activatedAt: number | null;
  readonly retiredAt: number | null;
  /** When the last of what it signed expires; `null`: it has signed nothing. */
  readonly neededUntil: number | null;
}

/** What sealed values are sealed under, itself encrypted by a key that is not in the store. */
export interface WrappedKey {
  readonly id: string;
  /** Name of the key that encrypted it. */
  readonly by: string;
  readonly wrapped: Uint8Array;
  readonly createdAt: number;
}

/** An answer that is kept for a repeat of its request. Only the repeat's own credential can open `sealed`. */
export interface IdempotencyRecord {
  /** Digest over caller, method, path and key. */
  readonly id: string;
  readonly requestHash: string;
  readonly status: number;
  readonly sealed: Uint8Array;
  readonly createdAt: number;
}
