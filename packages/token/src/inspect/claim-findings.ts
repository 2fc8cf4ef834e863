/** What is wrong with the claims of a signed text, but for its times. */
import { type Finding, finding } from './findings.ts';
import type { KindOfJwt } from './kinds-of-jwt.ts';
import { isMembers, type Members } from './read-json.ts';
import { quoted } from './shown.ts';

/** RFC 9068 section 2.2; `exp` is told apart, since without it a text is valid for ever whatever it is. */
const REQUIRED = ['iss', 'sub', 'aud', 'client_id', 'jti', 'iat'] as const;

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isText);
/** RFC 6749 section 3.3: words of visible ASCII, with one space between. */
const isScope = (value: unknown): boolean =>
  typeof value === 'string' && (value === '' || value.split(' ').every((word) => /^[!#-[\]-~]+$/.test(word)));

const FORMS: Readonly<Record<string, (value: unknown) => boolean>> = {
  iss: isText,
  sub: isText,
  aud: (value) => isText(value) || isTexts(value),
  client_id: isText,
  jti: isText,
  sid: isText,
  scope: isScope,
  cnf: isMembers,
  act: isMembers,
};

export function claimFindings(claims: Members, { purpose }: KindOfJwt): Finding[] {
  const found: Finding[] = [];
  if (purpose === 'access') {
    for (const at of REQUIRED) if (claims[at] === undefined) found.push(finding('claim_missing', { at, detail: at }));
  }
  if (purpose !== 'proof' && claims.exp === undefined) found.push(finding('never_expires', { at: 'exp' }));
  for (const [at, isForm] of Object.entries(FORMS)) {
    const value = claims[at];
    if (value !== undefined && !isForm(value))
      found.push(finding('claim_malformed', { at, detail: `${at} is ${quoted(value)}` }));
  }
  return found;
}
