/** A text that is no token: what can be said of it without repeating any of it. */
import { inspect, type Refusal } from '../format.ts';

export interface UnknownDetails {
  readonly characters: number;
  /** Kinds of characters that it has. */
  readonly alphabet: readonly string[];
  /**
   * Bits that would have to be guessed if each character were drawn by itself, with the frequencies that the text shows: an upper bound,
   * and far above the truth for words.
   */
  readonly entropyBits: number;
  /** What it resembles, else null. */
  readonly resembles: string | null;
  /** Why it is no opaque token. */
  readonly outcome: Refusal;
}

const ALPHABETS = [
  ['lower-case letters', /[a-z]/],
  ['upper-case letters', /[A-Z]/],
  ['digits', /[0-9]/],
  ['punctuation', /[!-/:-@[-`{-~]/],
  ['spaces', /\s/],
  ['control characters', /(?!\s)\p{Cc}/u],
  ['characters beyond ASCII', /[^\0-\x7f]/],
] as const;

const RESEMBLES: readonly (readonly [form: RegExp, name: string])[] = [
  [/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a UUID'],
  [/^[0-9a-f]{32}$/i, 'an MD5 digest, or 16 bytes, in hex'],
  [/^[0-9a-f]{40}$/i, 'a SHA-1 digest, or 20 bytes, in hex'],
  [/^[0-9a-f]{64}$/i, 'a SHA-256 digest, or 32 bytes, in hex'],
  [/^[0-9a-f]{128}$/i, 'a SHA-512 digest, or 64 bytes, in hex'],
  [/^[a-z2-7]{16}$/, 'a fingerprint of a token of Tessera: it names the token and opens nothing'],
  [/^(?:tok|key|own|api|role|ws)_[0-9a-z]{6,40}$/, 'an id of Tessera: it names an object and opens nothing'],
  [/^[0-9]{1,40}$/, 'a number'],
  [/^[^\s@]{1,64}@[^\s@]{1,255}$/, 'an e-mail address'],
  [/^[A-Za-z0-9+/]{20,}={1,2}$/, 'base64'],
];

export function describeUnknown(text: string): UnknownDetails {
  const { outcome } = inspect(text);
  return {
    characters: text.length,
    alphabet: ALPHABETS.filter(([, form]) => form.test(text)).map(([name]) => name),
    entropyBits: entropyBits(text),
    resembles: RESEMBLES.find(([form]) => form.test(text))?.[1] ?? null,
    // The caller asked before: a text that is a token does not come here.
    outcome: outcome === 'ok' ? 'bad_shape' : outcome,
  };
}

/** Shannon's entropy of its characters, rounded down. */
function entropyBits(text: string): number {
  const counts = new Map<number, number>();
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    counts.set(unit, (counts.get(unit) ?? 0) + 1);
  }
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / text.length);
  return Math.floor(bits);
}
