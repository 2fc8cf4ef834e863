/** The claims of a JWT access token (RFC 9068 section 2.2), read once and typed. */
import { isRecord } from '../jose/strict-json.ts';

export interface AccessClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly jti: string;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  /** Seconds since the epoch, as the other two. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number | undefined;
  /** RFC 7638 thumbprint of the key the token is bound to (RFC 9449 section 6.1). */
  readonly boundKey: string | undefined;
  /** Every claim as it was signed, for those that are not named here. */
  readonly all: Readonly<Record<string, unknown>>;
}

/** Scopes with one space between them; in each, visible ASCII without quote and backslash (RFC 6749 section 3.3). */
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** The claims, or undefined where one that is required is absent, or one that is known is of another type. */
export function accessClaims(all: Readonly<Record<string, unknown>>): AccessClaims | undefined {
  const { iss, sub, jti, exp, iat, nbf, client_id: clientId } = all;
  const aud = audiencesOf(all.aud);
  const scopes = scopesOf(all.scope);
  const bound = confirmationOf(all.cnf);
  if (!isText(iss) || !isText(sub) || !isText(jti) || aud === undefined) return undefined;
  if (!isTime(exp) || !isTime(iat) || !(nbf === undefined || isTime(nbf))) return undefined;
  if (!(clientId === undefined || isText(clientId)) || scopes === undefined || bound === undefined) return undefined;
  return { iss, sub, aud, jti, clientId, scopes, exp, iat, nbf, boundKey: bound.jkt, all };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Whole seconds: `1e400` is Infinity and would never pass, a text or a fraction is read differently by others. */
function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function audiencesOf(aud: unknown): readonly string[] | undefined {
  const listed: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return listed.length > 0 && listed.every(isText) ? listed : undefined;
}

function scopesOf(scope: unknown): readonly string[] | undefined {
  if (scope === undefined || scope === '') return [];
  return typeof scope === 'string' && SCOPES.test(scope) ? scope.split(' ') : undefined;
}

/** Another confirmation than `jkt` (RFC 7800) binds to what is not checked here, so it must not be passed over. */
export function confirmationOf(cnf: unknown): { readonly jkt: string | undefined } | undefined {
  if (cnf === undefined) return { jkt: undefined };
  return isRecord(cnf) && isText(cnf.jkt) && Object.keys(cnf).length === 1 ? { jkt: cnf.jkt } : undefined;
}
