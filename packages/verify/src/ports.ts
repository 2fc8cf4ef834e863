/** What the decision needs from outside, as small as it can be. A port that throws or rejects denies with `fault`. */
import type { ListedAddresses } from './addresses.ts';
import type { DenialCode } from './denials.ts';
import type { DigestKey } from './digest.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Requirement } from './requirement.ts';
import type { LimitState, OwnerType, Principal } from './verdict.ts';

/** Everything a verdict needs to know of a token; one indexed read returns it. Immutable, so that it can be cached. */
export interface TokenFacts extends Principal {
  readonly workspace: { readonly id: string; readonly enabled: boolean };
  readonly owner:
    | { readonly id: string; readonly type: OwnerType; readonly roles: readonly string[]; readonly enabled: boolean }
    | undefined;
  /** The secret that was presented: `pending` ones wait for their first use, `retiring` ones end at `until`. */
  readonly secret: {
    readonly key: DigestKey;
    readonly state: 'active' | 'pending' | 'retiring';
    readonly until: number | undefined;
  };
  readonly enabled: boolean;
  /** Milliseconds since the epoch. */
  readonly revokedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly limits: readonly LimitRule[];
  readonly quotas: readonly BudgetRule[];
  /** Limits and quotas of the token that are tried out: counted, and never refusing. Absent: none. */
  readonly shadow?: { readonly limits: readonly LimitRule[]; readonly quotas: readonly BudgetRule[] };
  /** The token's own rule and one for each role of its owner. All must let the address pass. */
  readonly addresses: readonly ListedAddresses[];
  /** SHA-256 thumbprint (RFC 7638) of the key that the token is bound to, base64url. */
  readonly boundKey: string | undefined;
  /** Ids of the tokens that it descends from, nearest first: what changes of them changes it. Absent: there are none. */
  readonly parents?: readonly string[];
  /** Id of the application that it was issued to, and of the session that it belongs to. Absent: there is none. */
  readonly client?: string;
  readonly session?: string;
  /** Id of the key that signed the text that was presented. Absent: it is not signed. */
  readonly kid?: string;
  /** By how much the clock of a foreign issuer may differ. Absent for tokens of our own, which end to the millisecond. */
  readonly clockSkewMs?: number;
}

/**
 * What becomes of a request while a policy cannot be judged, since what counts it does not answer. `closed`: it is refused
 * as `fault`; `open`: it passes uncounted; `local`: it is counted in the memory of this process meanwhile.
 */
export type OnFault = 'closed' | 'open' | 'local';

/** A rate limit with the key of its counter. */
export interface LimitRule {
  readonly key: string;
  readonly name: string;
  /** Requests that pass in a window, evenly spread. */
  readonly limit: number;
  readonly windowSeconds: number;
  /** Requests that may pass at once. */
  readonly burst: number;
  /** What one request costs; multiplied by the cost that the caller names. */
  readonly cost: number;
  /**
   * Where several nodes count together. `exact`: each request by itself. `approximate`: in shares that are counted when they
   * are given out and spent within a bound, so that a request may pass a little later than it was counted, and none is
   * passed that was not. Absent: `exact`.
   */
  readonly mode?: 'exact' | 'approximate';
  /** Absent: `closed`. */
  readonly onFault?: OnFault;
}

/** So many requests in a calendar day or month (UTC). */
export interface QuotaRule {
  readonly kind?: 'quota';
  readonly key: string;
  readonly name: string;
  readonly limit: number;
  readonly period: 'day' | 'month';
  /** Absent: `closed`. */
  readonly onFault?: OnFault;
}

/** So many requests until they are used up. What is left is known to the store alone. */
export interface CreditRule {
  readonly kind: 'credits';
  /** Id of the token whose credits they are. */
  readonly key: string;
  readonly name: string;
  /** At the start of each calendar day or month (UTC) what is left becomes at least `amount`. Undefined: never. */
  readonly refill: { readonly amount: number; readonly period: 'day' | 'month' } | undefined;
  /** Absent: `closed`, and they are nothing else: credits are paid for. */
  readonly onFault?: 'closed';
}

export type BudgetRule = QuotaRule | CreditRule;

/** So many requests under way at once. */
export interface ConcurrencyRule {
  readonly key: string;
  readonly name: string;
  readonly limit: number;
  /** Absent: `closed`. */
  readonly onFault?: OnFault;
}

export interface TokenLookup {
  /**
   * The facts that are in memory and may be believed, at no cost to the store. A digest that is known is that of a
   * well-formed text: its shape need not be looked at again.
   */
  known(digest: DigestKey): TokenFacts | undefined;
  /**
   * The facts of the token that has a secret with this digest, or undefined where nobody has it.
   * Revoked, disabled and expired tokens are found: saying why is the decision's work. Throwing means "cannot tell".
   */
  find(digest: DigestKey): MaybePromise<TokenFacts | undefined>;
  /** Digests to try for a text that is not of our own format: of imported tokens. Most texts have none. */
  imported(text: string): readonly DigestKey[];
  /** Keeps what was found elsewhere, until a change concerns it. Absent: nothing but what it found itself is kept. */
  keep?(digest: DigestKey, facts: TokenFacts): void;
}

export interface SignedLookup {
  /** The facts of a token that is not in memory, by its text, or why it is refused. Throwing means "cannot tell". */
  find(text: string, asked: SignedAsked): MaybePromise<TokenFacts | DenialCode>;
}

/** What a token is looked up for. */
export interface SignedAsked {
  readonly digest: DigestKey;
  /** Where it is presented: a foreign issuer is trusted by a workspace and for an audience. */
  readonly requirement: Requirement;
  readonly now: number;
}

export interface LimitOutcome {
  readonly allowed: boolean;
  readonly states: readonly LimitState[];
}

export interface Limiter {
  /** All or nothing: where one rule refuses, none is spent. `peek` never spends. Throwing means "cannot tell". */
  take(rules: readonly LimitRule[], cost: number, mode: 'spend' | 'peek'): MaybePromise<LimitOutcome>;
}

export interface QuotaOutcome extends LimitOutcome {
  /** Why it is refused, where the code alone does not tell. */
  readonly detail?: string | undefined;
  /** Gives back what this very call spent, once; absent where nothing was. Neither throws nor waits. */
  readonly refund?: (() => void) | undefined;
}

export interface Quotas {
  /** As `Limiter.take`, for quotas and credits. What was answered `allowed` is durable. */
  take(rules: readonly BudgetRule[], cost: number, mode: 'spend' | 'peek'): MaybePromise<QuotaOutcome>;
}

export interface ConcurrencyOutcome extends LimitOutcome {
  /** Frees the places that this very call took, once; absent where none was. Neither throws nor waits. */
  readonly release?: (() => void) | undefined;
}

export interface Concurrency {
  /** A place of each rule, or none of any. `peek` takes none. Throwing means "cannot tell". */
  take(rules: readonly ConcurrencyRule[], mode: 'spend' | 'peek'): MaybePromise<ConcurrencyOutcome>;
}

/** A policy that could not be judged, and what its `onFault` made of that. */
export interface PolicyFault {
  readonly policy: 'concurrency' | 'limits' | 'quotas';
  readonly mode: OnFault;
  readonly error: unknown;
}

/** What a caller presents to prove that it holds the key its token is bound to. */
export interface PresentedProof {
  readonly proof: string;
  /** SHA-256 of the token that the proof speaks of. */
  readonly digest: DigestKey;
  readonly method: string;
  /** Scheme, host and path of the request, without query and fragment. */
  readonly url: string;
  /** It is a request for a token, whose proof may leave out which one it speaks of (RFC 9449 section 5). Absent: it is not. */
  readonly forToken?: boolean;
}

export interface Proofs {
  /** Whether the proof was made with the key of this thumbprint, for this request, just now, and for the first time. */
  check(presented: PresentedProof, boundKey: string, now: number): MaybePromise<'ok' | 'proof_invalid' | 'replayed'>;
}

/** Milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

export interface Ports {
  readonly tokens: TokenLookup;
  readonly limiter: Limiter;
  readonly clock: Clock;
  /** Absent: a token with a quota is refused as `fault`. */
  readonly quotas?: Quotas;
  /** Absent: a requirement with a concurrency limit is refused as `fault`. */
  readonly concurrency?: Concurrency;
  /** What counts in the memory of this process, for rules with `onFault: local`. Absent: those are refused as `fault`. */
  readonly local?: { readonly limiter: Limiter; readonly quotas: Quotas; readonly concurrency: Concurrency };
  /** Absent: a bound token is refused as `fault`. */
  readonly proofs?: Proofs;
  /** Absent: signed tokens are `malformed`. */
  readonly signed?: SignedLookup;
  /** Where texts of no format that is known here are asked after. Absent: they are `malformed`. */
  readonly opaque?: SignedLookup;
  /** Hears of every error that became a `fault`. Must not throw. */
  readonly onFault?: (error: unknown) => void;
  /** Hears of every policy that could not be judged, whatever its `onFault` made of that. Must not throw. */
  readonly onPolicyFault?: (fault: PolicyFault) => void;
}
