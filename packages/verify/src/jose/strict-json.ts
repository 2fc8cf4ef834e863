/** JSON that has one reading only: valid UTF-8, no member twice, no deep nesting. */

/** Deeper than any header, claim set or key set needs to be. */
const MAX_DEPTH = 16;
/** More than a set of 100 keys has. An object with many names that collide takes a parser the square of their number (CVE-2026-21717). */
const MAX_MEMBERS = 2000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The object that these bytes hold, or undefined where they are anything else. The caller bounds their number.
 * Two parsers that meet a member twice may each take another one (RFC 7515 section 4 lets them), and what one checked
 * the other would not use: so such text is refused.
 */
export function strictJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes);
    const written = membersWritten(text);
    if (written > MAX_MEMBERS) return undefined;
    const value: unknown = JSON.parse(text);
    // In JSON each colon outside a string stands for one member: where fewer were read, one was met twice.
    return isRecord(value) && membersOf(value) === written ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Colons outside strings; more than any number where brackets nest too deep. Before parsing, so that what is too much costs a look. */
function membersWritten(text: string): number {
  let depth = 0;
  let colons = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case COLON:
        colons += 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        if (depth > MAX_DEPTH) return Number.POSITIVE_INFINITY;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
    }
  }
  return colons;
}

/** Where the string that begins here ends: at the first quote with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) members += membersOf(item);
  } else {
    for (const member of Object.values(value) as readonly unknown[]) members += 1 + membersOf(member);
  }
  return members;
}
