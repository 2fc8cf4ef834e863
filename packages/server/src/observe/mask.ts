/**
 * Takes secrets out of a text by what they look like, not by the name of the field they are in: a token that ended up in
 * a URL, an error or a stack is found there too.
 */
import { hash } from 'node:crypto';
import { fingerprint, parse, redact } from '@tessera/token';

const REDACTED = '[redacted]';

/** Unreserved characters may be percent-encoded, also several times over (RFC 3986 section 2.3), or escaped as in JSON. */
const ENCODED = /(?:%(?:25)*|\\u00)(2[de]|3\d|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/gi;
/** Segments between dots. Looking behind makes it start where a run of characters starts, so that time stays linear. */
const DOTTED = /(?<![\w-])[\w-]+(?:\.[\w-]*){2,}/g;
/** How the base64url of a JSON object begins: `{"`, or `{` and white space. None that names an algorithm is shorter. */
const JOSE_HEADER = /(?:ey[JA]|ew[ok0])[\w-]{12}/;
/** `Authorization: ...` inside a text, to the end of its line. */
const AUTHORIZATION_LINE = /(authorization["'\\]*[ \t]*[:=][ \t]*["'\\]*)(\S[^\r\n]*)/gi;
/** A credential after the name of its scheme. What is shorter is a word in a sentence, or the start of `tessera:fp:`. */
const SCHEME_AND_CREDENTIAL = /\b(bearer|dpop|basic)([ \t]+)([\w.~+/=-]{8,})/gi;
/** What stands in place of a token: safe to show, so it is not masked again. */
const FINGERPRINT = /^tessera:fp:[a-z2-7]{16}$/;

/**
 * Whether {@link mask} could change anything in this text, or in a text that it is the JSON of. Says yes too often rather
 * than too rarely; most texts hold nothing like it.
 */
export function mayHoldSecret(text: string): boolean {
  return /_live|_test|ey[JA]|ew[ok0]|bearer|dpop|basic|authorization|%[2-7]|\\u00/i.test(text);
}

/**
 * `text` with every Tessera token as `tessera:fp:<fingerprint>`, and every trace of one, JWT, and credential of an
 * `Authorization` header as `[redacted]`. Encoded secrets are found as well; a text without one is returned unchanged.
 */
export function mask(text: string): string {
  const plain = maskPlain(text);
  const decoded = decode(text);
  if (decoded === text) return plain;
  const masked = maskPlain(decoded);
  return masked === decoded ? plain : masked;
}

/** The value of an `Authorization` header: of it no more than the scheme is shown, and the fingerprint of a token. */
export function maskAuthorization(value: string): string {
  const masked = redact(decode(value), nameOf);
  const [, scheme = '', credential = ''] = /^((?:bearer|dpop|basic|digest|negotiate)[ \t]+)?(.*)$/is.exec(masked) ?? [];
  return scheme + (FINGERPRINT.test(credential) ? credential : REDACTED);
}

function maskPlain(text: string): string {
  return redact(text, nameOf)
    .replace(DOTTED, maskJose)
    .replace(AUTHORIZATION_LINE, (_, before: string, value: string) => before + maskAuthorization(value))
    .replace(SCHEME_AND_CREDENTIAL, `$1$2${REDACTED}`);
}

/** A token by its fingerprint; what is left of one has none, and is not shown at all. */
function nameOf(trace: string): string {
  const token = parse(trace.replaceAll(/%5f/gi, '_'));
  return token === undefined ? REDACTED : `tessera:fp:${fingerprint(hash('sha256', token.text, 'buffer'))}`;
}

/** Two segments at least follow the header: of a JWS two, of a JWE four, and with a detached payload one is empty. */
function maskJose(dotted: string): string {
  const headerEnd = dotted.lastIndexOf('.', dotted.lastIndexOf('.') - 1);
  const start = dotted.slice(0, headerEnd).search(JOSE_HEADER);
  return start < 0 ? dotted : dotted.slice(0, start) + REDACTED;
}

function decode(text: string): string {
  return text.replace(ENCODED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
