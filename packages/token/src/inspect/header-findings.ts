/** What is wrong with the header of a JWS or a JWE, whichever it is. */
import { type Finding, finding } from './findings.ts';
import type { Members } from './read-json.ts';
import { quoted } from './shown.ts';

const MAX_KID_LENGTH = 256;
/** Rounds of PBES2 that take a reader about a second. */
const MAX_ROUNDS = 1_000_000;

/** Parameters by which a text chooses its own keys, or how it is read (RFC 7515 section 4, RFC 7797, RFC 7516). */
const REFUSED = [
  ['jku', 'header_jku'],
  ['x5u', 'header_x5u'],
  ['jwk', 'header_jwk'],
  ['x5c', 'header_x5c'],
  ['crit', 'header_crit'],
  ['b64', 'header_b64'],
  ['zip', 'header_zip'],
] as const;

/** `allowed` names a parameter that this kind of text has to have, as a proof of possession its key. */
export function headerFindings(header: Members, allowed?: 'jwk'): Finding[] {
  const found: Finding[] = [];
  for (const [name, code] of REFUSED)
    if (Object.hasOwn(header, name) && name !== allowed) found.push(finding(code, { at: 'header' }));
  const { kid, p2c } = header;
  if (kid === undefined && allowed === undefined) found.push(finding('kid_missing', { at: 'header' }));
  if (kid !== undefined && !isPlainName(kid)) found.push(finding('kid_odd', { at: 'kid', detail: quoted(kid) }));
  if (typeof p2c === 'number' && p2c > MAX_ROUNDS)
    found.push(finding('header_p2c', { at: 'header', detail: String(p2c) }));
  return found;
}

function isPlainName(kid: unknown): boolean {
  return typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID_LENGTH && !/\p{C}/u.test(kid);
}
