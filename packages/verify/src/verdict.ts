/** The answer of the decision: a value. The door that asked applies it. */
import type { DenialCode, Step } from './denials.ts';

export type TokenKind = 'api_key' | 'personal_access_token' | 'access_token' | 'refresh_token' | 'session';
export type Environment = 'live' | 'test';
export type OwnerType = 'user' | 'service' | 'customer';

/** Whom and what an accepted token stands for. */
export interface Principal {
  readonly id: string;
  readonly kind: TokenKind;
  readonly name: string;
  readonly workspace: { readonly id: string };
  readonly owner: { readonly id: string; readonly type: OwnerType; readonly roles: readonly string[] } | undefined;
  readonly api: { readonly id: string; readonly audience: string };
  readonly environment: Environment;
  /** What the token may do now: its own scopes, narrowed by its owner's where its kind says so. */
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch; undefined: does not expire. */
  readonly expiresAt: number | undefined;
  /** Of a token that another issuer made; absent: it is one of our own. */
  readonly foreign?: Foreign;
}

/** Whose token it is where it was made. */
export interface Foreign {
  /** Id of the trust in its issuer. */
  readonly trust: string;
  /** Its `iss` and its `sub`. */
  readonly issuer: string;
  readonly subject: string;
}

/** How a rate limit or quota stands after this request. */
export interface LimitState {
  readonly name: string;
  readonly limit: number;
  /** 0: it has no window. */
  readonly windowSeconds: number;
  /** Whole requests of cost 1 that would pass now. */
  readonly remaining: number;
  /** Seconds, rounded up, until the limit is wholly unused again. */
  readonly resetSeconds: number;
  /** Seconds, rounded up, until this request would pass; 0 where it did. */
  readonly retryAfterSeconds: number;
}

export interface Allow {
  readonly valid: true;
  readonly code: 'ok';
  readonly principal: Principal;
  readonly limits: readonly LimitState[];
  /** What policies in shadow mode would have refused it for. */
  readonly shadowed: readonly Shadowed[];
  /** What the request holds until it is over; undefined: nothing. */
  readonly held: Held | undefined;
}

/** The parts of a requirement that can be tried out, as a route's configuration calls them; `route`: all of it. */
export const shadowPolicies = ['require', 'ip', 'concurrency', 'limits', 'quotas', 'route'] as const;
export type ShadowPolicy = (typeof shadowPolicies)[number];

/** A refusal that was not made, because its policy is tried out. */
export interface Shadowed {
  readonly policy: ShadowPolicy;
  readonly code: DenialCode;
  readonly detail: string | undefined;
}

/** Places of concurrency limits, and what was spent of quotas and credits. Whoever applies the verdict ends it; a second end does nothing. */
export interface Held {
  /** The request is over. `refund`: it was not served, and costs nothing. Neither throws nor waits. */
  end(how: 'keep' | 'refund'): void;
}

export interface Deny {
  readonly valid: false;
  readonly code: DenialCode;
  /** What the operator should know beyond the code's meaning. Never holds a secret. */
  readonly detail: string | undefined;
  /** Known once the token was found, whatever refused it later. */
  readonly principal: Principal | undefined;
  readonly limits: readonly LimitState[];
  /** With `insufficient_scope`: the required scopes that were not granted. */
  readonly missingScopes: readonly string[];
}

export type Verdict = Allow | Deny;

/** What one check found. `explain` returns all of them; `decide` stops at the first refusal. */
export interface Finding {
  readonly step: Step;
  readonly check: string;
  /** `shadowed`: a policy in shadow mode would have refused. */
  readonly outcome: 'passed' | 'refused' | 'skipped' | 'shadowed';
  readonly code: DenialCode | undefined;
  readonly detail: string | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

/** The request passes. */
export function allow(principal: Principal, limits: readonly LimitState[], held?: Held): Allow {
  return { valid: true, code: 'ok', principal, limits, shadowed: NONE, held };
}

/** A refusal before or at the look-up, where nothing is known about the token yet. */
export function deny(code: DenialCode, more: Partial<Omit<Deny, 'valid' | 'code'>> = {}): Deny {
  return {
    valid: false,
    code,
    detail: more.detail,
    principal: more.principal,
    limits: more.limits ?? NONE,
    missingScopes: more.missingScopes ?? NONE,
  };
}
