/**
 * What is this text? A report of anything that people take for a token, made here: nothing is sent anywhere, and no secret part of the
 * text is repeated. Never throws, whatever the text.
 */
import { type EncryptedDetails, readEncrypted } from './encrypted.ts';
import { type Finding, finding } from './findings.ts';
import { type Key, type KeyDetails, keyFindings, keysOf } from './key-set.ts';
import { fingerprintOf, type OpaqueDetails, readOpaque } from './opaque.ts';
import { otherSystem } from './other-systems.ts';
import { type PemDetails, readPem } from './pem.ts';
import { type Members, readMembers } from './read-json.ts';
import { readSelective, type SelectiveDetails } from './selective.ts';
import { readSigned, type SignedDetails } from './signed.ts';
import { describeUnknown, type UnknownDetails } from './unknown.ts';
import { type Around, beginsAsSigned, unwrap } from './unwrap.ts';

export { type FindingCode, findings } from './findings.ts';
export { duration } from './times.ts';
export type {
  Around,
  EncryptedDetails,
  Finding,
  KeyDetails,
  OpaqueDetails,
  PemDetails,
  SelectiveDetails,
  SignedDetails,
  UnknownDetails,
};

/** The longest signed or encrypted text, in characters, that Tessera reads. */
export const MAX_SIGNED_LENGTH = 8192;

export interface InspectOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What to verify signatures with, from {@link readKeys}; undefined: they are not verified. */
  readonly keys?: readonly Key[] | undefined;
}

export type Report = Common &
  (
    | { readonly kind: 'opaque'; readonly details: OpaqueDetails }
    | { readonly kind: 'jws'; readonly details: SignedDetails }
    | { readonly kind: 'sd_jwt'; readonly details: SelectiveDetails }
    | { readonly kind: 'jwe'; readonly details: EncryptedDetails }
    | { readonly kind: 'jwk' | 'jwks'; readonly details: { readonly keys: readonly KeyDetails[] } }
    | { readonly kind: 'pem'; readonly details: PemDetails }
    | { readonly kind: 'other_system'; readonly details: { readonly characters: number } }
    | { readonly kind: 'unknown'; readonly details: UnknownDetails }
  );

interface Common {
  /** In words. */
  readonly description: string;
  /** Whether nothing is wrong with it: no finding but notes. */
  readonly ok: boolean;
  /** Names the text in logs and lists of Tessera. Null for what is no token: of a text that can be guessed, a digest gives it away. */
  readonly fingerprint: string | null;
  /** What was taken off before it was read, from the outside in. */
  readonly around: readonly Around[];
  readonly findings: readonly Finding[];
}

type Body = Report extends infer R ? (R extends Report ? Omit<R, 'ok' | 'fingerprint' | 'around'> : never) : never;

/** Keys of a set (JWKS) or a key (JWK) in JSON; undefined where the text is neither, or holds none. */
export function readKeys(text: string): readonly Key[] | undefined {
  const { members } = readMembers(text, 'keys');
  const keys = members === undefined ? undefined : keysOf(members);
  return keys === undefined || keys.length === 0 ? undefined : keys;
}

export async function inspectText(given: string, options: InspectOptions): Promise<Report> {
  const { text, around, wasBroken, isOneOfSeveral } = unwrap(given);
  const body = await bodyOf(text, options);
  const all = [
    ...(wasBroken ? [finding('inner_whitespace')] : []),
    ...(isOneOfSeveral ? [finding('several')] : []),
    ...body.findings,
  ];
  return {
    ...body,
    around,
    fingerprint: NAMED.includes(body.kind) ? await fingerprintOf(text) : null,
    findings: all,
    ok: all.every(({ level }) => level === 'note'),
  };
}

const NAMED: readonly Report['kind'][] = ['opaque', 'jws', 'sd_jwt', 'jwe'];

async function bodyOf(text: string, options: InspectOptions): Promise<Body> {
  const pem = readPem(text);
  if (pem !== undefined) return { kind: 'pem', ...pem };
  if (text.startsWith('{')) return jsonBody(text);
  if (beginsAsSigned(text)) return compactBody(text, options);
  const system = otherSystem(text);
  const opaque = readOpaque(text);
  // Others use our shape, too; a right checksum is ours.
  if (opaque !== undefined && (opaque.details.wellFormed || system === undefined)) return { kind: 'opaque', ...opaque };
  if (system !== undefined) {
    const details = { characters: text.length };
    return { kind: 'other_system', description: system, details, findings: [finding('other_system')] };
  }
  return unknownBody(text);
}

async function compactBody(text: string, options: InspectOptions): Promise<Body> {
  const read = await compact();
  return text.length > MAX_SIGNED_LENGTH
    ? {
        ...read,
        findings: [
          finding('oversize', { detail: `${text.length} characters for ${MAX_SIGNED_LENGTH}` }),
          ...read.findings,
        ],
      }
    : read;

  async function compact(): Promise<Body> {
    if (text.includes('~')) return { kind: 'sd_jwt', ...(await readSelective(text, options)) };
    if (text.split('.', 6).length === 5) return { kind: 'jwe', ...readEncrypted(text) };
    return { kind: 'jws', ...(await readSigned(text, options)) };
  }
}

function jsonBody(text: string): Body {
  const { members, findings } = readMembers(text, 'text');
  const keys = members === undefined ? undefined : keysOf(members);
  if (members === undefined || keys === undefined)
    return members !== undefined && isSerialised(members)
      ? { ...unknownBody(text), description: 'a JWS or JWE in JSON form', findings: [finding('json_serialisation')] }
      : unknownBody(text);
  const isSet = 'keys' in members;
  return {
    kind: isSet ? 'jwks' : 'jwk',
    description: isSet ? `a set of ${keys.length} keys (JWKS)` : 'a key (JWK)',
    details: { keys: keys.map(({ details }) => details) },
    findings: [...findings, finding('not_a_token'), ...keyFindings(keys)],
  };
}

/** RFC 7515 section 7.2, RFC 7516 section 7.2. */
function isSerialised(members: Members): boolean {
  return ['signatures', 'signature', 'ciphertext'].some((name) => Object.hasOwn(members, name));
}

function unknownBody(text: string): Body {
  const details = describeUnknown(text);
  const { resembles } = details;
  return {
    kind: 'unknown',
    description:
      text === ''
        ? 'nothing'
        : resembles === null
          ? 'no token that is known here'
          : `no token: it looks like ${resembles}`,
    details,
    findings: [finding(text === '' ? 'empty' : 'not_a_token')],
  };
}
