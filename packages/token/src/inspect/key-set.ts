/** Keys as JSON (RFC 7517), alone or in a set: what they are, and what is wrong with them. */
import { decodeBase64url } from './base64url.ts';
import { type Finding, finding } from './findings.ts';
import { isMembers, type Members } from './read-json.ts';
import { PRIVATE_MEMBERS, shownText } from './shown.ts';

/** A key, as far as it can be shown. */
export interface KeyDetails {
  /** Its place in the set, from 0. */
  readonly index: number;
  readonly kid: string | null;
  readonly kty: string | null;
  readonly crv: string | null;
  readonly alg: string | null;
  readonly use: string | null;
  /** Of an RSA modulus or a shared secret. */
  readonly bits: number | null;
  /** Whether it holds what must be kept secret. */
  readonly isPrivate: boolean;
}

/** A key to verify with. */
export interface Key {
  readonly details: KeyDetails;
  /** `kid` as it stands, to be compared. */
  readonly kid: unknown;
  readonly jwk: Members;
}

/** More than any set needs to hold. */
const MAX_KEYS = 100;
const MIN_RSA_BITS = 2048;
const MIN_SECRET_BITS = 256;

/** The keys of a set, or the one that stands alone; undefined where this is neither. */
export function keysOf(value: Members): readonly Key[] | undefined {
  const listed = Array.isArray(value.keys) ? (value.keys as readonly unknown[]) : 'kty' in value ? [value] : undefined;
  return listed
    ?.slice(0, MAX_KEYS)
    .filter(isMembers)
    .map((jwk, index) => ({ details: detailsOf(jwk, index), kid: jwk.kid, jwk }));
}

export function keyFindings(keys: readonly Key[]): Finding[] {
  const names = new Set<unknown>();
  return keys.flatMap(({ details, kid }) => {
    const at = nameOf(details);
    const { kty, bits, isPrivate, alg } = details;
    const least = kty === 'RSA' ? MIN_RSA_BITS : MIN_SECRET_BITS;
    const found = [
      isPrivate ? finding('private_key', { at }) : undefined,
      bits !== null && bits < least ? finding('weak_key', { at, detail: `${bits} bits` }) : undefined,
      alg === null ? finding('key_without_alg', { at }) : undefined,
      kid !== undefined && names.has(kid) ? finding('repeated_kid', { at }) : undefined,
    ];
    names.add(kid);
    return found.filter((one) => one !== undefined);
  });
}

/** For sentences. */
export function nameOf({ kid, index }: KeyDetails): string {
  return kid ?? `key ${index + 1} of the set`;
}

function detailsOf(jwk: Members, index: number): KeyDetails {
  const { kid, kty, crv, alg, use, n, k } = jwk;
  return {
    index,
    kid: textOf(kid),
    kty: textOf(kty),
    crv: textOf(crv),
    alg: textOf(alg),
    use: textOf(use),
    bits: kty === 'RSA' ? bitsOf(n) : kty === 'oct' ? bitsOf(k) : null,
    isPrivate: kty === 'oct' || PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name)),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? shownText(value) : null;
}

/** Leading zeros of the first byte are not counted. */
function bitsOf(value: unknown): number | null {
  const bytes = typeof value === 'string' ? decodeBase64url(value).bytes : undefined;
  const first = bytes?.[0];
  return bytes === undefined || first === undefined ? null : bytes.length * 8 - Math.clz32(first) + 24;
}
