/** The last thing that happens to a log line: secrets out, and nothing left that a terminal or a viewer would obey. */
import { mask, maskAuthorization, mayHoldSecret } from './mask.ts';

/** A JSON string, and the colon that makes it a name. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;
const AUTHORIZATION = /^"(?:proxy-)?authorization"/i;
/** What JSON does not write as it is. */
const NOT_PLAIN = /[^ !#-[\]-~]/;
/**
 * JSON leaves them as they are, and yet a terminal obeys U+009B as it does ESC [, a viewer breaks the line at U+2028, and
 * the marks of right-to-left text show another order than the one that is there.
 */
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export interface Scrubber {
  /** The line as it may be written. */
  scrub(line: string): string;
  /** Whether `scrub` could change a line because of this part of it. Says yes too often rather than too rarely. */
  suspects(text: string): boolean;
}

/** @param secrets texts that no line may hold, such as the master key; those under 8 characters are passed over, since they say nothing */
export function scrubber(secrets: readonly string[] = []): Scrubber {
  const long = secrets.filter((secret) => secret.length >= 8);
  const asJson = long.map((secret) => JSON.stringify(secret).slice(1, -1));
  const suspicious = (json: string) => mayHoldSecret(json) || asJson.some((secret) => json.includes(secret));
  const clean = (text: string) => long.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text);
  return {
    scrub(line) {
      const scrubbed = suspicious(line) ? scrubStrings(line, { suspicious, clean }) : line;
      return scrubbed.replace(OBEYED, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
    },
    suspects: (text) => NOT_PLAIN.test(text) || suspicious(text),
  };
}

/** String by string, as they were before they became JSON, so that no escape is cut and the line stays JSON. */
function scrubStrings(
  line: string,
  { suspicious, clean }: { readonly suspicious: (json: string) => boolean; readonly clean: (text: string) => string },
): string {
  let ofAuthorization = false;
  return line.replace(STRING, (literal: string, colon: string | undefined) => {
    const isName = colon !== undefined;
    const isCredential = !isName && ofAuthorization;
    if (isName) ofAuthorization = AUTHORIZATION.test(literal);
    if (!isCredential && !suspicious(literal)) return literal;
    const text = clean(String(JSON.parse(isName ? literal.slice(0, -colon.length) : literal)));
    return JSON.stringify(isCredential ? maskAuthorization(text) : mask(text)) + (colon ?? '');
  });
}
