/** Claims that an api wants in each of its signed tokens: JSON, in which texts may name the owner and the token. */
import type { Owner, Token } from '../model.ts';

/** Registered claims and our own: what they say is never up to a template (RFC 7519 section 4.1, RFC 8693, RFC 9068). */
export const RESERVED_CLAIMS: readonly string[] = [
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'scope', 'client_id', 'sid', 'cnf', 'act', 'may_act', 'tsr'],
  ...['events', 'nonce', 'azp', 'at_hash', 'c_hash', 's_hash'],
];

export interface Described {
  readonly token: Pick<Token, 'id' | 'name' | 'environment' | 'metadata'>;
  readonly owner: Owner | undefined;
  /** Names of the owner's roles. */
  readonly roles: readonly string[];
}

const WRITTEN = /\$\{([^}]*)\}/g;
const LIST = /^\$\{owner\.roles\}$/;
const NAMES = ['token.id', 'token.name', 'token.env', 'owner.id', 'owner.name', 'owner.type', 'owner.roles'];
const METADATA = /^(?:token|owner)\.metadata\.[A-Za-z0-9_.:-]{1,100}$/;

/** Why a template cannot be used, with the claim that is wrong; undefined where it can. */
export function badClaim(claims: Readonly<Record<string, unknown>>): { claim: string; reason: string } | undefined {
  for (const [claim, value] of Object.entries(claims)) {
    const reason = RESERVED_CLAIMS.includes(claim) ? 'is set by Tessera' : badValue(value, 1);
    if (reason !== undefined) return { claim, reason };
  }
  return undefined;
}

/** The claims of one token. A text of nothing but a name of what the token does not have is left out, and so is its claim. */
export function filledClaims(
  claims: Readonly<Record<string, unknown>>,
  described: Described,
): Readonly<Record<string, unknown>> {
  return filledMembers(claims, described);
}

/** The claims are one level, and no reader of ours takes more than 16: a text with more would be given out and never be accepted. */
const DEEPEST = 15;

function badValue(value: unknown, depth: number): string | undefined {
  const isText = typeof value === 'string';
  if (depth > DEEPEST && (isText ? LIST.test(value) : typeof value === 'object' && value !== null))
    return `is nested deeper than ${DEEPEST}`;
  if (isText) return badText(value);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const inner of Object.values(value)) {
    const reason = badValue(inner, depth + 1);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function badText(text: string): string | undefined {
  for (const [written, name = ''] of text.matchAll(WRITTEN)) {
    if (!NAMES.includes(name) && !METADATA.test(name))
      return `knows \${${NAMES.join('}, ${')}}, \${token.metadata.<name>} and \${owner.metadata.<name>} only`;
    if (name === 'owner.roles' && written !== text)
      return 'takes the roles of the owner, which are a list, by themselves alone';
  }
  return text.replace(WRITTEN, '').includes('$' + '{') ? 'has a placeholder without its end' : undefined;
}

function filledMembers(members: object, described: Described): Record<string, unknown> {
  const filled: [string, unknown][] = [];
  for (const [name, value] of Object.entries(members)) {
    const inner = filledValue(value, described);
    if (inner !== undefined) filled.push([name, inner]);
  }
  return Object.fromEntries(filled);
}

function filledValue(value: unknown, described: Described): unknown {
  if (typeof value === 'string') return filledText(value, described);
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value)) return filledMembers(value, described);
  const items: readonly unknown[] = value;
  return items.map((item) => filledValue(item, described)).filter((item) => item !== undefined);
}

function filledText(text: string, described: Described): string | readonly string[] | undefined {
  if (LIST.test(text)) return described.roles;
  const alone = /^\$\{([^}]*)\}$/.exec(text)?.[1];
  if (alone !== undefined) return namedBy(alone, described);
  return text.replace(WRITTEN, (_, name: string) => namedBy(name, described) ?? '');
}

function namedBy(name: string, { token, owner }: Described): string | undefined {
  const [whose, ...rest] = name.split('.');
  const member = rest.join('.');
  if (whose === 'token' && member === 'id') return token.id;
  if (whose === 'token' && member === 'name') return token.name;
  if (whose === 'token' && member === 'env') return token.environment;
  if (whose === 'owner' && member === 'id') return owner?.id;
  if (whose === 'owner' && member === 'name') return owner?.name;
  if (whose === 'owner' && member === 'type') return owner?.type;
  const metadata = whose === 'token' ? token.metadata : (owner?.metadata ?? {});
  const key = member.slice('metadata.'.length);
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}
