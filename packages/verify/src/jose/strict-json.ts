/** JSON that has one reading only: valid UTF-8, no member twice, no deep nesting. */

/** Deeper than any header, claim set or key set needs to be. */
const MAX_DEPTH = 16;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The object that these bytes hold, or undefined where they are anything else. The caller bounds their number.
 * Two parsers that meet a member twice may each take another one (RFC 7515 section 4 lets them), and what one checked
 * the other would not use: so such text is refused.
 */
export function strictJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    return isRecord(value) && isUnambiguous(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Strings, with the colon that makes one a member's name, and brackets: all that matters in text known to be valid. */
const LANDMARK = /("(?:[^"\\]|\\.)*")([ \t\n\r]*:)?|[{}[\]]/g;

function isUnambiguous(text: string): boolean {
  const open: Set<string>[] = [];
  for (const [landmark, string, colon] of text.matchAll(LANDMARK)) {
    if (landmark === '{' || landmark === '[') {
      if (open.push(new Set()) > MAX_DEPTH) return false;
    } else if (landmark === '}' || landmark === ']') {
      open.pop();
    } else if (string !== undefined && colon !== undefined) {
      const names = open.at(-1);
      const name: unknown = JSON.parse(string);
      if (names === undefined || typeof name !== 'string' || names.has(name)) return false;
      names.add(name);
    }
  }
  return true;
}
