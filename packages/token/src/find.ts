/**
 * Finds tokens in any text: what the scanner reports, the redactor removes and the generator highlights.
 *
 * Time is linear whatever the text. Every candidate is anchored at `_live_` or `_test_`, looks at most 16 characters to
 * the left, and to the right only over characters that hold no further anchor.
 */
import { digitValue, NOT_A_DIGIT } from './base62.ts';
import { CHECKSUM_LENGTH } from './checksum.ts';
import {
  isPrefixCode,
  type ParsedToken,
  PREFIX_MAX_LENGTH,
  PREFIX_MIN_LENGTH,
  parse,
  SECRET_LENGTH,
} from './format.ts';

/** A well-formed token, its checksum right, at `start` (inclusive) to `end` (exclusive), in UTF-16 units of the text. */
export type Found = { readonly token: ParsedToken; readonly start: number; readonly end: number };

/** A token, or what is left of one: then `token` is undefined. `text` is what stood there. */
export type Trace = {
  readonly text: string;
  readonly token: ParsedToken | undefined;
  readonly start: number;
  readonly end: number;
};

/** How much of a secret makes a trace: with 20 of its 43 characters known, 137 bits are still to be guessed. */
export const TRACE_MIN_LENGTH = 20;

/** The longest stretch a well-formed token covers: whoever reads a text in pieces lets them overlap by this less one. */
export const FOUND_MAX_LENGTH = PREFIX_MAX_LENGTH + '%5Flive%5F'.length + SECRET_LENGTH + CHECKSUM_LENGTH;

// The second separator is only looked at, since it may be the first one of the next candidate (`live_live_...`).
const ANCHOR = /(?:_|%5[Ff])(live|test)(?=(_|%5[Ff]))/g;

/**
 * Every well-formed token in `text`, in order, also where it touches other characters on either side and where its
 * underscores are percent-encoded (`token.text` then has them decoded).
 */
export function find(text: string): Found[] {
  const found: Found[] = [];
  for (const { token, start, end } of findTraces(text)) {
    if (token !== undefined) found.push({ token, start, end });
  }
  return found;
}

/**
 * What {@link find} finds, and also what looks like a token but has a wrong checksum, was cut short or runs on: an anchor
 * with at least {@link TRACE_MIN_LENGTH} base62 characters after it. Meant for redaction, where a name in a program that
 * happens to look so is removed rather than most of a secret shown. A secret torn apart, or without its anchor, is not seen.
 */
export function findTraces(text: string): Trace[] {
  const traces: Trace[] = [];
  for (const match of text.matchAll(ANCHOR)) {
    const [anchor, environment = '', separator = ''] = match;
    const prefixEnd = match.index;
    const secretStart = prefixEnd + anchor.length + separator.length;
    const secretEnd = endOfDigits(text, secretStart);
    if (secretEnd - secretStart < TRACE_MIN_LENGTH) continue;

    const longestPrefix = text.slice(startOfPrefix(text, prefixEnd), prefixEnd);
    const tokenEnd = secretStart + SECRET_LENGTH + CHECKSUM_LENGTH;
    const token =
      tokenEnd <= secretEnd
        ? parseLongest(`${longestPrefix}_${environment}_${text.slice(secretStart, tokenEnd)}`, longestPrefix.length)
        : undefined;
    const start = prefixEnd - (token?.prefix ?? longestPrefix).length;
    const end = token === undefined ? secretEnd : tokenEnd;
    traces.push({ text: text.slice(start, end), token, start, end });
  }
  return traces;
}

/**
 * `text` with every trace of a token (see {@link findTraces}) put through `replacement`.
 *
 * @param replacement receives the text that stood there, a secret, and returns what shall stand there instead
 * @example redact(line, () => '[token]')
 */
export function redact(text: string, replacement: (traceText: string) => string): string {
  let redacted = '';
  let done = 0;
  for (const trace of findTraces(text)) {
    // A trace that ran on may have taken the prefix of the next: then nothing stands between the two.
    redacted += text.slice(done, trace.start) + replacement(trace.text);
    done = trace.end;
  }
  return redacted + text.slice(done);
}

/** Tries the longest prefix first; the checksum tells which characters belong to the token and which just stood before it. */
function parseLongest(candidate: string, prefixLength: number): ParsedToken | undefined {
  for (let skipped = 0; skipped <= prefixLength - PREFIX_MIN_LENGTH; skipped += 1) {
    const token = parse(candidate.slice(skipped));
    if (token !== undefined) return token;
  }
  return undefined;
}

function startOfPrefix(text: string, end: number): number {
  const limit = Math.max(0, end - PREFIX_MAX_LENGTH);
  let start = end;
  while (start > limit && isPrefixCode(text.charCodeAt(start - 1))) start -= 1;
  return start;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && digitValue(text.charCodeAt(end)) !== NOT_A_DIGIT) end += 1;
  return end;
}
