/** JSON that means the same to every reader: RFC 8259 without duplicate members, invalid UTF-8 and endless nesting. */
import { type Buffer, isUtf8 } from 'node:buffer';

export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  /** Says what is wrong and where, and never repeats the input: it may hold a secret. */
  | { readonly ok: false; readonly detail: string };

export const MAX_DEPTH = 32;

export function parseJson(input: string | Buffer): ParsedJson {
  if (typeof input !== 'string' && !isUtf8(input)) return refused('The body is not valid UTF-8.');
  const text = typeof input === 'string' ? input : input.toString('utf8');
  const members = countMembers(text);
  if (members === undefined) return refused(`The body is nested deeper than ${MAX_DEPTH}.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refused(`The body is not valid JSON${position(error)}.`);
  }
  // A member that was written twice is one member of the value: the first one would be lost without a word.
  return keptMembers(value) === members ? { ok: true, value } : refused('An object has a member twice.');
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

/** Members of all objects as they are written: colons outside strings. Undefined where the nesting is too deep. */
function countMembers(text: string): number | undefined {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case 0x3a: // :
        members += 1;
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
  return members;
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
  for (const inner of Object.values(value)) members += 1 + keptMembers(inner);
  return members;
}

/** The engine's message quotes the input; only the position is taken from it. */
function position(error: unknown): string {
  const found = /at position ([0-9]+)/.exec(error instanceof Error ? error.message : '');
  return found === null ? '' : ` (position ${found[1]})`;
}
