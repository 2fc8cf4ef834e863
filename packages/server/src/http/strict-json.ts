/** JSON that means the same to every reader: RFC 8259 without duplicate members, invalid UTF-8 and endless nesting. */
import { type Buffer, isUtf8 } from 'node:buffer';

export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  /** Says what is wrong and where, and never repeats the input: it may hold a secret. */
  | { readonly ok: false; readonly detail: string };

export const MAX_DEPTH = 32;
/** Members of all objects together: some more than the largest list of an operation has, and few enough to check in no time. */
export const MAX_MEMBERS = 20_000;

export function parseJson(input: string | Buffer): ParsedJson {
  if (typeof input !== 'string' && !isUtf8(input)) return refused('The body is not valid UTF-8.');
  const text = typeof input === 'string' ? input : input.toString('utf8');
  const scanned = scan(text);
  if (scanned === undefined) return refused(`The body is nested deeper than ${MAX_DEPTH}.`);
  if (scanned.members > MAX_MEMBERS) return refused(`The body has more than ${MAX_MEMBERS} members.`);
  let value: unknown;
  try {
    value = JSON.parse(scanned.escapedNames.length === 0 ? text : withPlainNames(text, scanned.escapedNames));
  } catch (error) {
    return refused(error instanceof NameError ? error.message : `The body is not valid JSON${position(error)}.`);
  }
  // A member that was written twice is one member of the value: the first one would be lost without a word.
  return keptMembers(value) === scanned.members ? { ok: true, value } : refused('An object has a member twice.');
}

/** Whether a key, at any depth, is one that assignment would read as part of the prototype. The value comes from `parseJson`. */
export function hasForbiddenKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasForbiddenKey);
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype' || hasForbiddenKey(inner)) return true;
  }
  return false;
}

function refused(detail: string): ParsedJson {
  return { ok: false, detail };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where a string stands: its first and its last quote. */
interface Span {
  readonly start: number;
  readonly end: number;
}

interface Scanned {
  /** Members of all objects as they are written: colons outside strings. */
  readonly members: number;
  readonly escapedNames: readonly Span[];
}

/** One pass over a text that may not be JSON at all. Undefined where the nesting is too deep. */
function scan(text: string): Scanned | undefined {
  const escapes = text.includes('\\');
  const escapedNames: Span[] = [];
  let members = 0;
  let depth = 0;
  /** Quotes of the last string. */
  let start = 0;
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        start = at;
        end = endOfString(text, at);
        at = end;
        break;
      case 0x3a: // :
        members += 1;
        if (escapes && text.slice(start, end).includes('\\')) escapedNames.push({ start, end });
        start = end;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > MAX_DEPTH) return undefined;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
    }
  }
  return { members, escapedNames };
}

class NameError extends Error {
  override readonly name = 'NameError';
}

/**
 * The same text with its member names unescaped. V8 (seen in 13.6) takes a name with an escape for another member that it
 * met before, where that one's name looks like the escape itself: `{"\\u0061":1}` is read as a member named `\\`. Names that
 * need an escape are refused. Throws a NameError on those, and a SyntaxError on what is no string.
 */
function withPlainNames(text: string, names: readonly Span[]): string {
  let plain = '';
  let from = 0;
  for (const { start, end } of names) {
    const name: unknown = JSON.parse(text.slice(start, end + 1));
    if (typeof name !== 'string' || /["\\]/.test(name) || isControlled(name))
      throw new NameError('A member name holds a quote, a backslash or a control character.');
    plain += `${text.slice(from, start)}"${name}"`;
    from = end + 1;
  }
  return plain + text.slice(from);
}

function isControlled(name: string): boolean {
  return Array.from(name).some((character) => character < ' ');
}

/** Index of the quote that ends the string; of the last character where none does, which is a syntax error. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end > 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length - 1;
}

/** Members of all objects of a parsed value. */
function keptMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) members += keptMembers(item);
    return members;
  }
  const record = value as Readonly<Record<string, unknown>>;
  for (const name in record) members += 1 + keptMembers(record[name]);
  return members;
}

/** The engine's message quotes the input; only the position is taken from it. */
function position(error: unknown): string {
  const found = /at position ([0-9]+)/.exec(error instanceof Error ? error.message : '');
  return found === null ? '' : ` (position ${found[1]})`;
}
