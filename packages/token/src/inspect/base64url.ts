/** Base64url (RFC 4648 section 5) as a JWS writes it, and what is wrong where a text differs from its one canonical spelling. */
import type { FindingCode } from './findings.ts';

export interface Decoded {
  /** Read as leniently as anybody would; undefined where nobody could. */
  readonly bytes: Uint8Array | undefined;
  readonly faults: readonly FindingCode[];
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Map(Array.from(ALPHABET, (character, value) => [character.charCodeAt(0), value]));
VALUES.set('+'.charCodeAt(0), ALPHABET.indexOf('-'));
VALUES.set('/'.charCodeAt(0), ALPHABET.indexOf('_'));

export function decodeBase64url(text: string): Decoded {
  const faults: FindingCode[] = [];
  const joined = text.replace(/\s+/g, '');
  if (joined !== text) faults.push('base64_whitespace');
  const digits = joined.slice(0, endOfDigits(joined));
  if (digits !== joined) faults.push('base64_padding');
  if (/[+/]/.test(digits)) faults.push('base64_standard');

  const bytes = new Uint8Array((digits.length * 3) >>> 2);
  let written = 0;
  let pending = 0;
  let pendingBits = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const value = VALUES.get(digits.charCodeAt(at));
    if (value === undefined) return { bytes: undefined, faults: [...faults, 'base64_character'] };
    pending = ((pending << 6) | value) & 0xffff;
    pendingBits += 6;
    if (pendingBits < 8) continue;
    pendingBits -= 8;
    bytes[written] = (pending >>> pendingBits) & 0xff;
    written += 1;
  }
  if (digits.length % 4 === 1) return { bytes: undefined, faults: [...faults, 'base64_length'] };
  if ((pending & ((1 << pendingBits) - 1)) !== 0) faults.push('base64_trailing_bits');
  return { bytes, faults };
}

/** A loop, since a pattern for "any number at the end" tries each place of a long run. */
function endOfDigits(text: string): number {
  let end = text.length;
  while (end > 0 && text.charAt(end - 1) === '=') end -= 1;
  return end;
}
