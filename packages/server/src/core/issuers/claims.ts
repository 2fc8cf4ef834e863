/** What another issuer says of a token, read once and typed: the claims of a JWT (RFC 7519) or an answer to introspection (RFC 7662). */
import { confirmationOf, isRecord } from '@tessera/verify/jose';
import type { ClaimValue, RequiredClaims } from './issuer.ts';

export type UnreadClaims = Readonly<Record<string, unknown>>;

export interface ForeignClaims {
  /** Undefined where an answer to introspection does not say. */
  readonly iss: string | undefined;
  readonly sub: string | undefined;
  /** Empty where an answer to introspection does not say. */
  readonly aud: readonly string[];
  readonly jti: string | undefined;
  /** Seconds since the epoch, as the other two. */
  readonly exp: number | undefined;
  readonly iat: number | undefined;
  readonly nbf: number | undefined;
  /** RFC 7638 thumbprint of the key that the token is bound to. */
  readonly boundKey: string | undefined;
  /** Every claim as it came. */
  readonly all: UnreadClaims;
}

/** The claims, or undefined where one that is known is of another type than it has to be. */
export function foreignClaims(all: UnreadClaims): ForeignClaims | undefined {
  const { iss, sub, jti, exp, iat, nbf } = all;
  const aud = audiencesOf(all.aud);
  const bound = confirmationOf(all.cnf);
  if (!isAbsentOr(isText, iss) || !isAbsentOr(isText, sub) || !isAbsentOr(isText, jti)) return undefined;
  if (!isAbsentOr(isTime, exp) || !isAbsentOr(isTime, iat) || !isAbsentOr(isTime, nbf)) return undefined;
  return aud && bound && { iss, sub, aud, jti, exp, iat, nbf, boundKey: bound.jkt, all };
}

/** Whether every claim that is asked for is there with one of its values. */
export function holdsClaims({ all }: ForeignClaims, required: RequiredClaims): boolean {
  return Object.entries(required).every(([name, wanted]) => {
    const listed: readonly ClaimValue[] = Array.isArray(wanted) ? wanted : [wanted];
    const value = claimAt(all, name);
    const held: readonly unknown[] = Array.isArray(value) ? value : [value];
    return listed.some((one) => held.includes(one));
  });
}

/** The texts of a claim: a list of them, or one text with spaces between (RFC 8693 section 4.2). */
export function textsAt({ all }: ForeignClaims, name: string): readonly string[] {
  const value = claimAt(all, name);
  if (typeof value === 'string') return value.split(' ').filter((text) => text !== '');
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** The claim of this name; of one that begins with `/` what the pointer (RFC 6901) finds in objects, never in lists. */
export function claimAt(all: UnreadClaims, name: string): unknown {
  if (!name.startsWith('/')) return own(all, name);
  const path = name
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let value: unknown = all;
  for (const part of path) value = isRecord(value) ? own(value, part) : undefined;
  return value;
}

function own(record: UnreadClaims, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function isAbsentOr<T>(is: (value: unknown) => value is T, value: unknown): value is T | undefined {
  return value === undefined || is(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 1000;
}

/** Whole seconds, and few enough to be a date. */
function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 253_402_300_800;
}

function audiencesOf(aud: unknown): readonly string[] | undefined {
  if (aud === undefined) return [];
  const listed: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return listed.every(isText) ? listed : undefined;
}
