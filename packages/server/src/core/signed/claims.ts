/** What a signed token of ours says (RFC 9068 section 2.2): the registered claims, and one of our own for what a verdict needs besides. */
import type { Api, Owner, Token } from '../model.ts';

export interface Claimed {
  readonly token: Token;
  readonly api: Pick<Api, 'id' | 'audience'>;
  readonly owner: Pick<Owner, 'id' | 'type'> | undefined;
  readonly issuer: string;
  /** Ids of the tokens that it descends from, nearest first. */
  readonly ancestors: readonly string[];
  /** Names this very text; a rotated token has several. */
  readonly jti: string;
  /** Position of the change feed that it is signed after; undefined: what the token may do cannot be told from its claims, and has to be asked for. */
  readonly seq: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The claim of our own. */
export interface TesseraClaim {
  readonly api: string;
  readonly env: Token['environment'];
  readonly kind: Token['kind'];
  readonly name: string;
  /** Type of the owner; absent: there is none. */
  readonly own?: Owner['type'];
  /** Ids of the tokens that it descends from, nearest first; absent: there are none. */
  readonly up?: readonly string[];
  readonly ask?: true;
  /** Position of the change feed: what changed later may concern it, whatever clocks say. Absent where it has to be asked for anyway. */
  readonly seq?: number;
}

/** @throws Error where the token does not expire: a signed one always does */
export function claimsOf(claimed: Claimed): Readonly<Record<string, unknown>> {
  const { token, api, owner, issuer, ancestors, jti, seq, now } = claimed;
  if (token.expiresAt === null) throw new Error(`signed token ${token.id} has no end`);
  const tessera: TesseraClaim = {
    api: api.id,
    env: token.environment,
    kind: token.kind,
    name: token.name,
    ...(owner && { own: owner.type }),
    ...(ancestors.length > 0 && { up: ancestors }),
    ...(seq === undefined ? { ask: true } : { seq }),
  };
  return {
    iss: issuer,
    // Without a resource owner the subject is the client itself (RFC 9068 section 2.2).
    sub: owner?.id ?? token.client ?? token.id,
    aud: api.audience,
    client_id: token.client ?? token.parent ?? token.id,
    jti,
    iat: seconds(now),
    exp: seconds(token.expiresAt),
    ...(token.notBefore !== null && { nbf: Math.ceil(token.notBefore / 1000) }),
    scope: token.scopes.join(' '),
    ...(token.session !== null && { sid: token.session }),
    ...(token.boundKey !== null && { cnf: { jkt: token.boundKey } }),
    tsr: tessera,
  };
}

/** Whole seconds, as others read them; the end never later than it was meant. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
