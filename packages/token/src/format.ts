/** The shape of a token, `<prefix>_<environment>_<secret><checksum>`, and the one reader of it. */
import { BASE, digitValue, NOT_A_DIGIT } from './base62.ts';
import { CHECKSUM_LENGTH, CRC_START, crcEnd, crcStep } from './checksum.ts';
import { platform } from './platform.ts';

export type Environment = 'live' | 'test';

/** A token whose text is well formed. Whether it was ever issued, and still holds, only a look-up can tell. */
export type ParsedToken = {
  /** All of it, as presented: a secret. */
  readonly text: string;
  readonly prefix: string;
  readonly environment: Environment;
  /** The last four characters. They belong to the checksum, so showing them gives away nothing to guess the secret by. */
  readonly hint: string;
};

/** Why a text is not a token, in the order of the checks: the first that applies is told. */
export type Refusal =
  | 'too_long'
  | 'bad_alphabet'
  | 'bad_shape'
  | 'bad_prefix'
  | 'bad_environment'
  | 'bad_length'
  | 'bad_checksum';

export type Inspection = { readonly outcome: 'ok'; readonly token: ParsedToken } | { readonly outcome: Refusal };

/** Characters of the secret: 43 base62 digits hold 256 bits. */
export const SECRET_LENGTH = 43;
export const PREFIX_MIN_LENGTH = 2;
export const PREFIX_MAX_LENGTH = 16;
/** The size, in bytes of UTF-8, above which a text is refused unread. */
export const MAX_TOKEN_BYTES = 512;
export const HINT_LENGTH = 4;

const UNDERSCORE = '_'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
const NINE = '9'.charCodeAt(0);
const LOWER_A = 'a'.charCodeAt(0);
const LOWER_Z = 'z'.charCodeAt(0);

// Refusals are shared values, so that a flood of bad texts allocates nothing.
const TOO_LONG = refusal('too_long');
const BAD_ALPHABET = refusal('bad_alphabet');
const BAD_SHAPE = refusal('bad_shape');
const BAD_PREFIX = refusal('bad_prefix');
const BAD_ENVIRONMENT = refusal('bad_environment');
const BAD_LENGTH = refusal('bad_length');
const BAD_CHECKSUM = refusal('bad_checksum');

/**
 * Reads `text` as a token, exactly as it stands: nothing is trimmed, folded or normalised, so a token has one spelling.
 * Never throws for a string; takes time in proportion to the text, at most {@link MAX_TOKEN_BYTES}.
 */
export function inspect(text: string): Inspection {
  // UTF-8 never takes fewer bytes than UTF-16 takes units.
  if (text.length > MAX_TOKEN_BYTES) return TOO_LONG;

  // One pass, since this stands before every look-up. A text that has its checksum elsewhere is refused for its shape or
  // its length before the two sums are compared.
  const checksumStart = text.length - CHECKSUM_LENGTH;
  let separators = 0;
  let first = 0;
  let second = 0;
  let crc = CRC_START;
  let stated = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const value = digitValue(code);
    if (at < checksumStart) crc = crcStep(crc, code);
    else stated = stated * BASE + value;
    if (value !== NOT_A_DIGIT) continue;
    if (code !== UNDERSCORE) return isOverlong(text) ? TOO_LONG : BAD_ALPHABET;
    separators += 1;
    if (separators === 1) first = at;
    else second = at;
  }
  if (separators !== 2) return BAD_SHAPE;

  const prefix = text.slice(0, first);
  if (!isPrefix(prefix)) return BAD_PREFIX;
  const environment = text.slice(first + 1, second);
  if (!isEnvironment(environment)) return BAD_ENVIRONMENT;
  if (text.length - (second + 1) !== SECRET_LENGTH + CHECKSUM_LENGTH) return BAD_LENGTH;
  // Six digits can say more than 32 bits: compared as numbers, every checksum still has one spelling only.
  if (stated !== crcEnd(crc)) return BAD_CHECKSUM;
  return { outcome: 'ok', token: { text, prefix, environment, hint: text.slice(-HINT_LENGTH) } };
}

/** {@link inspect} for callers to whom every refusal is the same: the token, or undefined. */
export function parse(text: string): ParsedToken | undefined {
  const inspection = inspect(text);
  return inspection.outcome === 'ok' ? inspection.token : undefined;
}

/** Whether `text` may stand in front of tokens: 2 to 16 characters of `a-z` and `0-9`. */
export function isPrefix(text: string): boolean {
  if (text.length < PREFIX_MIN_LENGTH || text.length > PREFIX_MAX_LENGTH) return false;
  for (let at = 0; at < text.length; at += 1) {
    if (!isPrefixCode(text.charCodeAt(at))) return false;
  }
  return true;
}

/** Whether the character with this UTF-16 code may be part of a prefix. */
export function isPrefixCode(code: number): boolean {
  return (code >= LOWER_A && code <= LOWER_Z) || (code >= ZERO && code <= NINE);
}

export function isEnvironment(text: string): text is Environment {
  return text === 'live' || text === 'test';
}

function isOverlong(text: string): boolean {
  return new platform.TextEncoder().encode(text).length > MAX_TOKEN_BYTES;
}

function refusal(outcome: Refusal): Inspection {
  return Object.freeze({ outcome });
}
