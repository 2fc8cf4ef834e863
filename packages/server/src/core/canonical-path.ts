/** The one spelling of a request path. Routes and requests both pass here, so that what is matched is what is sent. */

const UNRESERVED = /[A-Za-z0-9._~-]/;
/** Legal in a segment and without a meaning of their own there (RFC 3986 section 3.3); `;` and `+` are not among them. */
const LITERAL = /[!$&'()*,=:@]/;
/** Paths that are canonical as they stand, which most are. A segment that starts with a dot is looked at more closely. */
const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*,=:@-][A-Za-z0-9._~!$&'()*,=:@-]*)*\/?$/;

/**
 * The canonical form of an absolute path, or undefined where it is ambiguous: where this server and the one behind it
 * could read it differently, a rule for one path would protect another. Refused are dot segments, empty segments, `\`,
 * `;`, control characters, invalid UTF-8 and characters outside RFC 3986, raw or encoded, and whatever is encoded twice.
 */
export function canonicalPath(path: string): string | undefined {
  if (PLAIN.test(path)) return path === '' ? undefined : path;
  if (path[0] !== '/' || path.includes('//')) return undefined;
  try {
    // Also refuses bad escapes, overlong forms and lone surrogates.
    decodeURIComponent(path);
  } catch {
    return undefined;
  }
  let canonical = '';
  for (let at = 0; at < path.length; at++) {
    const written = path[at] === '%' ? path.slice(at, at + 3) : (path[at] ?? '');
    const spelled = written.length === 3 ? escaped(written) : raw(written);
    if (spelled === undefined) return undefined;
    canonical += spelled;
    at += written.length - 1;
  }
  return DOT_SEGMENT.test(canonical) || ENCODED_TWICE.test(canonical) ? undefined : canonical;
}

const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;
/** `%252e` is `%2e` to a server that decodes twice. */
const ENCODED_TWICE = /%25[0-9A-Fa-f]{2}/;

function raw(character: string): string | undefined {
  // Some servers read a bare `+` as a space; encoded it is a plus for all of them (RFC 3986 section 2.2).
  if (character === '+') return '%2B';
  return character === '/' || UNRESERVED.test(character) || LITERAL.test(character) ? character : undefined;
}

function escaped(triplet: string): string | undefined {
  const byte = Number.parseInt(triplet.slice(1), 16);
  if (byte < 0x20 || byte === 0x7f) return undefined;
  const character = String.fromCharCode(byte);
  if (character === '/' || character === '\\' || character === ';') return undefined;
  return UNRESERVED.test(character) || LITERAL.test(character) ? character : triplet.toUpperCase();
}
