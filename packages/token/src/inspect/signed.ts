/** A compact JWS (RFC 7515): read as leniently as it can be, and held against what a strict reader takes. */

import { decodeBase64url } from './base64url.ts';
import { checkSignature, type SignatureCheck } from './check-signature.ts';
import { claimFindings } from './claim-findings.ts';
import { claimsInWords, type InWords } from './claims-in-words.ts';
import { type Finding, finding } from './findings.ts';
import { headerFindings } from './header-findings.ts';
import type { Key } from './key-set.ts';
import { type KindOfJwt, kindOfJwt } from './kinds-of-jwt.ts';
import { type Members, readSegment } from './read-json.ts';
import { quoted, shown } from './shown.ts';
import { signatureAlgorithm } from './signature-algorithms.ts';
import { type Times, timeFindings, timesOf } from './times.ts';

export interface SignedDetails {
  /** Null where it cannot be read. Secrets in it are masked, as in the claims. */
  readonly header: unknown;
  readonly claims: unknown;
  readonly times: Times | null;
  readonly words: readonly InWords[];
  /** Whether it has the claim by which Tessera knows its own. That alone proves nothing. */
  readonly isOwn: boolean;
  readonly signature: { readonly bytes: number | null } & SignatureCheck;
}

export interface SignedRead {
  readonly description: string;
  readonly details: SignedDetails;
  readonly findings: readonly Finding[];
}

export interface ReadingOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** To verify with; undefined: it is not verified. */
  readonly keys?: readonly Key[] | undefined;
}

/** Text of another number of parts is read as far as it goes. */
export async function readSigned(text: string, { now, keys }: ReadingOptions): Promise<SignedRead> {
  const [first = '', second = '', third, ...more] = text.split('.');
  const parts = third === undefined ? 2 : 3 + more.length;
  const header = readSegment(first, 'header');
  const payload = readSegment(second, 'payload');
  const signature = decodeBase64url(third ?? '');
  const claims = payload.members;
  const kind = kindOfJwt(header.members?.typ, claims ?? {});
  const check = await checkSignature({ header: header.members, text, signature: signature.bytes, keys });
  const times = claims === undefined ? null : timesOf(claims, now);
  return {
    description:
      claims !== undefined && Object.hasOwn(claims, 'tsr') ? `${kind.name}, as Tessera makes them` : kind.name,
    details: {
      header: header.members === undefined ? null : shown(header.members),
      claims: claims === undefined ? null : shown(claims),
      times,
      words: claims === undefined || times === null ? [] : claimsInWords(claims, times),
      isOwn: claims !== undefined && Object.hasOwn(claims, 'tsr'),
      signature: { bytes: signature.bytes?.length ?? null, ...check.result },
    },
    findings: [
      ...(parts === 3 ? [] : [finding('segments', { detail: `${parts} parts` })]),
      ...header.findings,
      ...(header.members === undefined ? [] : ofHeader(header.members, kind)),
      ...payload.findings,
      ...(claims === undefined ? [] : [...claimFindings(claims, kind), ...timeFindings(claims, now)]),
      ...signature.faults.map((code) => finding(code, { at: 'signature' })),
      ...ofSignature(header.members, claims, signature.bytes),
      ...check.findings,
    ],
  };
}

function ofHeader(header: Members, { purpose }: KindOfJwt): Finding[] {
  const { alg, kid, typ } = header;
  const found = headerFindings(header, purpose === 'proof' ? 'jwk' : undefined);
  if (alg === undefined) found.push(finding('alg_missing', { at: 'alg' }));
  // In every letter case: readers that compare carelessly take "nOnE" for it.
  else if (typeof alg === 'string' && alg.toLowerCase() === 'none') found.push(finding('alg_none', { at: 'alg' }));
  else if (signatureAlgorithm(alg) === undefined)
    found.push(finding('alg_unknown', { at: 'alg', detail: quoted(alg) }));
  else if (signatureAlgorithm(alg)?.kty === 'oct') {
    found.push(finding('alg_symmetric', { at: 'alg' }));
    if (looksPublic(kid)) found.push(finding('alg_public_kid', { at: 'kid', detail: quoted(kid) }));
  }
  if (typ === undefined) found.push(finding('typ_missing', { at: 'typ' }));
  else if (purpose !== 'access') found.push(finding('typ_other', { at: 'typ', detail: `typ ${quoted(typ)}` }));
  return found;
}

/** Names that are given to public keys: thumbprints (RFC 7638, RFC 7515 section 4.1.7) and addresses. */
function looksPublic(kid: unknown): boolean {
  return typeof kid === 'string' && (/^[\w-]{43}$|^[\w-]{27}$/.test(kid) || /^https?:/i.test(kid));
}

function ofSignature(
  header: Members | undefined,
  claims: Members | undefined,
  bytes: Uint8Array | undefined,
): Finding[] {
  if (bytes === undefined) return [];
  const alg = signatureAlgorithm(header?.alg);
  if (bytes.length === 0) return [finding('signature_missing', { at: 'signature' })];
  if (alg === undefined) return [];
  const fits = alg.kty === 'RSA' ? bytes.length >= alg.bytes : bytes.length === alg.bytes;
  if (!fits) {
    const isDer = alg.kty === 'EC' && bytes[0] === 0x30;
    const detail = `${bytes.length} bytes${isDer ? ', and looks like DER' : ''}`;
    return [finding('signature_length', { at: 'signature', detail })];
  }
  const isOurs = claims !== undefined && Object.hasOwn(claims, 'tsr');
  return isOurs && header?.alg === 'ES256' && hasHighS(bytes)
    ? [finding('signature_not_canonical', { at: 'signature' })]
    : [];
}

/** Half of the order of P-256: of the two values of S that verify, the lower is the one that is written. */
const HALF_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n >> 1n;

function hasHighS(bytes: Uint8Array): boolean {
  let s = 0n;
  for (const byte of bytes.subarray(32)) s = (s << 8n) | BigInt(byte);
  return s > HALF_ORDER;
}
