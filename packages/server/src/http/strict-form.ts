/** Forms (application/x-www-form-urlencoded) in the one reading that they have: what two servers could read differently is refused. */
import type { Buffer } from 'node:buffer';
import { fieldOf } from './sorted-fields.ts';

/** Values by name, each as often as it was sent. */
export type Form = ReadonlyMap<string, readonly string[]>;

export type ParsedForm =
  | { readonly ok: true; readonly form: Form }
  /** `detail` never holds what was sent. */
  | { readonly ok: false; readonly detail: string };

const MOST_PARAMETERS = 100;

/** Visible ASCII: everything else is escaped in a form. */
const WRITABLE = /^[!-~]*$/;

export function parseForm(raw: Buffer): ParsedForm {
  const text = raw.toString('latin1');
  if (!WRITABLE.test(text)) return refused('the form holds bytes that must be escaped');
  const parts = text === '' ? [] : text.split('&');
  if (parts.length > MOST_PARAMETERS) return refused(`the form has more than ${MOST_PARAMETERS} parameters`);
  const form = new Map<string, string[]>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    const value = decoded(equals < 0 ? '' : part.slice(equals + 1));
    if (name === undefined || value === undefined) return refused('the form holds an escape that is not UTF-8');
    if (name === '') return refused('the form has a parameter without a name');
    const values = form.get(name);
    if (values === undefined) form.set(name, [value]);
    else values.push(value);
  }
  return { ok: true, form };
}

/** Whether a body is said to be a form, in UTF-8 and not compressed; nothing else is guessed at. */
export function isForm(fields: readonly string[]): boolean {
  if ((fieldOf(fields, 'content-encoding') ?? 'identity') !== 'identity') return false;
  const type = fieldOf(fields, 'content-type') ?? '';
  return /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i.test(type);
}

/** Undefined: an escape is cut off, or what is escaped is no UTF-8, or NUL, which ends a text for some readers. */
export function decoded(text: string): string | undefined {
  if (!/[%+\0]/.test(text)) return text;
  try {
    const plain = decodeURIComponent(text.replaceAll('+', ' '));
    return plain.includes('\0') ? undefined : plain;
  } catch {
    return undefined;
  }
}

function refused(detail: string): ParsedForm {
  return { ok: false, detail };
}
