/** Takes off what stands around a token where people copy it from: spaces, quotes, a header line, a URL, an assignment. */
import { find } from '../find.ts';
import { isMembers } from './read-json.ts';

/** What stood around, as the report tells it. */
export type Around =
  | 'whitespace'
  | 'quotes'
  | 'header_line'
  | 'scheme'
  | 'assignment'
  | 'url'
  | 'percent_encoding'
  | 'json_member'
  | 'other_text';

export interface Unwrapped {
  readonly text: string;
  /** From the outside in. */
  readonly around: readonly Around[];
  /** Line breaks and spaces stood within, and were taken out. */
  readonly wasBroken: boolean;
  /** There are more tokens in the text; this is the first. */
  readonly isOneOfSeveral: boolean;
}

const MAX_LAYERS = 8;
const QUOTES = ['""', "''", '``', '“”', '‘’', '<>', '()'];
const HEADER_LINE = /^[A-Za-z][A-Za-z0-9-]{0,63}:[ \t]+/;
const SCHEME = /^(?:Bearer|DPoP|Token|ApiKey)\s+/i;
const ASSIGNMENT = /^(?:export\s+|set\s+|\$env:)?(?!ey[JwA])[A-Za-z_]\w{0,63}\s{0,3}=\s{0,3}(?=[^=\s])/;
const URL_START = /^[a-z][a-z0-9+.-]{0,31}:\/\//i;
const PERCENT = /%[0-9A-Fa-f]{2}/;
/** Names under which answers and URLs hold tokens. */
const NAMES = ['access_token', 'token', 'id_token', 'refresh_token', 'api_key', 'apikey', 'jwt', 'assertion', 'secret'];
/** How the header of a signed token begins: `{"`, or `{` and white space, in base64url. */
const SIGNED_START = /^e[yw][A-Za-z0-9_-]/;

export function unwrap(given: string): Unwrapped {
  let text = given;
  const around: Around[] = [];
  for (let layer = 0; layer < MAX_LAYERS; layer += 1) {
    const [what, inner] = outerLayer(text) ?? [];
    if (what === undefined || inner === undefined) break;
    around.push(what);
    text = inner;
  }
  const plain = { around, wasBroken: false, isOneOfSeveral: false };
  if (!/\s/.test(text) || text.startsWith('{') || text.startsWith('[') || text.includes('-----BEGIN '))
    return { ...plain, text };
  const joined = joinedLines(text);
  if (joined !== undefined) return { ...plain, text: joined, wasBroken: true };
  const [first, ...others] = tokensIn(text);
  if (first === undefined) return { ...plain, text };
  return { ...plain, text: first, around: [...around, 'other_text'], isOneOfSeveral: others.length > 0 };
}

/** Whether a text begins as a compact JWS or JWE does. */
export function beginsAsSigned(text: string): boolean {
  return SIGNED_START.test(text) && text.includes('.');
}

function outerLayer(text: string): [Around, string] | undefined {
  // A byte order mark and characters of no width are copied without being seen.
  const trimmed = text.replace(/^[\s\u200b-\u200d\u2060\ufeff]+/, '').trimEnd();
  const bare = trimmed.replace(/[\u200b-\u200d\u2060\ufeff]$/, '');
  if (bare !== text) return ['whitespace', bare];
  if (text.length > 1 && QUOTES.includes(text.charAt(0) + text.charAt(text.length - 1)))
    return ['quotes', text.slice(1, -1)];
  const json = memberOf(text);
  if (json !== undefined) return ['json_member', json];
  if (URL_START.test(text)) return parameterOf(text);
  for (const [form, what] of [
    [HEADER_LINE, 'header_line'],
    [SCHEME, 'scheme'],
    [ASSIGNMENT, 'assignment'],
  ] as const) {
    const [start] = form.exec(text) ?? [];
    if (start !== undefined) return [what, text.slice(start.length)];
  }
  const decoded = PERCENT.test(text) && !/\s/.test(text) ? percentDecoded(text) : undefined;
  return decoded === undefined ? undefined : ['percent_encoding', decoded];
}

/** The token of an answer in JSON. */
function memberOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!isMembers(value)) return undefined;
    const name = NAMES.find((each) => typeof value[each] === 'string' && value[each] !== '');
    return name === undefined ? undefined : String(value[name]);
  } catch {
    return undefined;
  }
}

/** The token of a URL: in its query or its fragment, by name, else by its looks. */
function parameterOf(url: string): [Around, string] | undefined {
  const pairs = url
    .split(/[?#&;]/)
    .slice(1)
    .map((pair) => [pair.slice(0, Math.max(0, pair.indexOf('='))).toLowerCase(), pair.slice(pair.indexOf('=') + 1)]);
  const named = NAMES.flatMap((name) => pairs.filter(([each, value]) => each === name && value !== ''))[0];
  const value = named?.[1] ?? pairs.find(([, each = '']) => beginsAsSigned(each))?.[1] ?? find(url)[0]?.token.text;
  return value === undefined ? undefined : ['url', value];
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A token that a mail program or a terminal broke into lines: every line of it is of its characters, and together they make one. */
function joinedLines(text: string): string | undefined {
  const joined = text.replace(/\s+/g, '');
  const isSigned =
    beginsAsSigned(joined) && /^[\w.~=-]+$/.test(joined) && /^[^.]*\.[^.]*\.[^.]*(?:\.[^.]*\.[^.]*)?$/.test(joined);
  const found = isSigned ? [] : find(joined);
  const isOpaque = found.length === 1 && found[0]?.token.text === joined;
  return isSigned || isOpaque ? joined : undefined;
}

/** Tokens that stand in running text, as in a line of a log. */
function tokensIn(text: string): string[] {
  const signed = text.split(/[^\w.~-]+/).filter((word) => beginsAsSigned(word) && word.split('.').length >= 3);
  return [...signed, ...find(text).map(({ token }) => token.text)];
}
