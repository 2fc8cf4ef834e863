/** What a route or a caller asks of a token, and the circumstances in which the token is presented. */
import { type AddressRule, sourceOf } from './addresses.ts';
import type { ConcurrencyRule, LimitRule, QuotaRule } from './ports.ts';
import type { Environment, Principal, TokenKind } from './verdict.ts';

export interface Requirement {
  /** Tokens of another workspace are unknown here. Undefined: of any. */
  readonly workspace: string | undefined;
  /** Audience or id of the api that the token must be for. */
  readonly audience: string | undefined;
  readonly environment: Environment | undefined;
  /** All of them. */
  readonly scopes: readonly string[];
  /** Any of them; empty: every kind. */
  readonly kinds: readonly TokenKind[];
  /** The owner must have all of them. */
  readonly roles: readonly string[];
  /** Only tokens bound to a key, presented with a proof of possession. */
  readonly proof: boolean;
  /** Only requests whose connection proved a client certificate. */
  readonly clientCertificate: boolean;
  readonly addresses: readonly AddressRule[];
  /** Limits of the asker, beside those of the token; they count by what `counterKey` says. */
  readonly limits: readonly RequiredLimit[];
  readonly quotas: readonly RequiredQuota[];
  /** Limits of the requests under way at once. */
  readonly concurrency: readonly RequiredConcurrency[];
  /**
   * What is tried out: judged after all else has passed, each part by itself; what it would have refused is told in the
   * verdict. Undefined: nothing.
   */
  readonly shadow: Requirement | undefined;
}

/** Whose counter a rule counts in: one for each token, owner, api or client address. */
export type CountedBy = 'token' | 'owner' | 'api' | 'address';

/** A limit of a route. */
export interface RequiredLimit extends LimitRule {
  readonly by: CountedBy;
}

export interface RequiredQuota extends QuotaRule {
  readonly by: CountedBy;
}

export interface RequiredConcurrency extends ConcurrencyRule {
  /** `route`: one counter for all. */
  readonly by: CountedBy | 'route';
}

/** The request that presents the token, as far as the asker knows it. */
export interface Circumstances {
  /** Client address as the trusted hops tell it. */
  readonly address: string | undefined;
  readonly method: string | undefined;
  /** Scheme, host and path, without query. */
  readonly url: string | undefined;
  /** The DPoP header field (RFC 9449). */
  readonly proof: string | undefined;
  /** What the client proved at the handshake of its connection; absent: nothing that is known here. */
  readonly certificate?: ProvedCertificate | undefined;
  /** Whole number from 1: what the request costs of each limit. */
  readonly cost: number;
}

/** A client certificate, verified by whoever ended TLS. Its names are nobody's here: it is known by its bytes. */
export interface ProvedCertificate {
  /** SHA-256 of the DER, base64url: `x5t#S256` (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  /** Milliseconds since the epoch: a connection may outlive its certificate. */
  readonly expiresAt: number;
}

/** What the decision is asked of a credential. */
export interface Asked {
  readonly requirement: Requirement;
  readonly circumstances: Circumstances;
}

const NOTHING: Requirement = {
  workspace: undefined,
  audience: undefined,
  environment: undefined,
  scopes: [],
  kinds: [],
  roles: [],
  proof: false,
  clientCertificate: false,
  addresses: [],
  limits: [],
  quotas: [],
  concurrency: [],
  shadow: undefined,
};

/** A requirement with the parts that are asked for; what is not named is not asked. */
export function requirement(parts: Partial<Requirement>): Requirement {
  return Object.freeze({ ...NOTHING, ...parts });
}

const UNKNOWN: Circumstances = { address: undefined, method: undefined, url: undefined, proof: undefined, cost: 1 };

export function circumstances(parts: Partial<Circumstances> = {}): Circumstances {
  return { ...UNKNOWN, ...parts };
}

/** The key of the counter of a required limit for this caller. Ids hold no `|`, so that keys cannot collide. */
export function counterKey(
  rule: RequiredLimit | RequiredQuota | RequiredConcurrency,
  principal: Principal,
  address: string | undefined,
): string {
  switch (rule.by) {
    case 'token':
      return `${rule.key}|${principal.id}`;
    case 'owner':
      return `${rule.key}|${principal.owner?.id ?? principal.id}`;
    case 'api':
      return `${rule.key}|${principal.api.id}`;
    case 'address':
      return `${rule.key}|${address === undefined ? 'unknown' : sourceOf(address)}`;
    case 'route':
      return rule.key;
  }
}
