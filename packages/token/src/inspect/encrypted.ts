/** A compact JWE (RFC 7516): its header can be read, and nothing else without the key. */
import { decodeBase64url } from './base64url.ts';
import { type Finding, finding } from './findings.ts';
import { headerFindings } from './header-findings.ts';
import { type Members, readSegment } from './read-json.ts';
import { quoted, shown } from './shown.ts';

export interface EncryptedDetails {
  /** Null where it cannot be read. */
  readonly header: unknown;
  /** Bytes of the encrypted key, the nonce, the ciphertext and the tag; null where that is no base64url. */
  readonly bytes: Readonly<Record<'key' | 'nonce' | 'ciphertext' | 'tag', number | null>>;
}

export interface EncryptedRead {
  readonly description: string;
  readonly details: EncryptedDetails;
  readonly findings: readonly Finding[];
}

/** RFC 7518 section 5.1, with the bytes of nonce and tag. */
const CONTENT: ReadonlyMap<unknown, { readonly nonce: number; readonly tag: number }> = new Map([
  ['A128GCM', { nonce: 12, tag: 16 }],
  ['A192GCM', { nonce: 12, tag: 16 }],
  ['A256GCM', { nonce: 12, tag: 16 }],
  ['A128CBC-HS256', { nonce: 16, tag: 16 }],
  ['A192CBC-HS384', { nonce: 16, tag: 24 }],
  ['A256CBC-HS512', { nonce: 16, tag: 32 }],
]);

/** RFC 7518 section 4.1. */
const KEY_MANAGEMENT: ReadonlySet<unknown> = new Set([
  ...['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512', 'dir', 'A128KW', 'A192KW', 'A256KW'],
  ...['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW', 'A128GCMKW', 'A192GCMKW', 'A256GCMKW'],
  ...['PBES2-HS256+A128KW', 'PBES2-HS384+A192KW', 'PBES2-HS512+A256KW', 'RSA1_5'],
]);
/** Its padding tells an attacker who may ask often what the key is (RFC 8725 section 3.2). */
const OUTDATED = 'RSA1_5';
/** With these the content key is agreed on, and none is sent. */
const WITHOUT_KEY: readonly unknown[] = ['dir', 'ECDH-ES'];

export function readEncrypted(text: string): EncryptedRead {
  const [first = '', ...rest] = text.split('.');
  const { members: header, findings } = readSegment(first, 'header');
  const [key, nonce, ciphertext, tag] = rest.map(decodeBase64url);
  const found = [...findings, finding('encrypted')];
  for (const [at, part] of Object.entries({ key, nonce, ciphertext, tag }))
    for (const code of part?.faults ?? []) found.push(finding(code, { at }));
  const bytes = {
    key: key?.bytes?.length ?? null,
    nonce: nonce?.bytes?.length ?? null,
    ciphertext: ciphertext?.bytes?.length ?? null,
    tag: tag?.bytes?.length ?? null,
  };
  if (header !== undefined) found.push(...headerFindings(header), ...ofAlgorithms(header, bytes));
  const isNested = typeof header?.cty === 'string' && /^(?:application\/)?jwt$/i.test(header.cty);
  return {
    description: isNested ? 'an encrypted token (JWE) with a signed one in it' : 'an encrypted token (JWE)',
    details: { header: header === undefined ? null : shown(header), bytes },
    findings: found,
  };
}

function ofAlgorithms({ alg, enc }: Members, bytes: EncryptedDetails['bytes']): Finding[] {
  const found: Finding[] = [];
  const content = CONTENT.get(enc);
  if (alg === undefined) found.push(finding('alg_missing', { at: 'alg' }));
  else if (!KEY_MANAGEMENT.has(alg)) found.push(finding('alg_unknown', { at: 'alg', detail: quoted(alg) }));
  else if (alg === OUTDATED) found.push(finding('alg_outdated', { at: 'alg', detail: OUTDATED }));
  if (content === undefined) return [...found, finding('alg_unknown', { at: 'enc', detail: quoted(enc) })];
  const lengths = { nonce: content.nonce, tag: content.tag, ...(WITHOUT_KEY.includes(alg) ? { key: 0 } : {}) };
  for (const [at, length] of Object.entries(lengths)) {
    const actual = bytes[at as keyof typeof bytes];
    if (actual !== null && actual !== length)
      found.push(finding('part_length', { at, detail: `${at}: ${actual} bytes for ${length}` }));
  }
  return found;
}
