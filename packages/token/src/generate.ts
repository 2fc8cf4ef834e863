/** Makes the text of a new token. */
import { BASE, TOKEN_ALPHABET } from './base62.ts';
import { checksum } from './checksum.ts';
import { type Environment, isEnvironment, isPrefix, SECRET_LENGTH } from './format.ts';
import { platform } from './platform.ts';

/** Fills `bytes` with values that nobody can predict, or throws. */
export type RandomSource = (bytes: Uint8Array) => unknown;

export type GenerateOptions = {
  /** 2 to 16 characters of `a-z` and `0-9`; see `isPrefix`. */
  readonly prefix: string;
  readonly environment: Environment;
};

/** 256 is not a multiple of 62: bytes from here on would favour the first eight digits, and are drawn again. */
const UNBIASED_BYTES = 256 - (256 % BASE);
const BYTES_A_DRAW = 64;
/** A sound source needs more than two draws about once in 10^20 tokens; one that never satisfies is broken. */
const MAX_DRAWS = 16;

/**
 * A new token of 256 random bits, from `crypto.getRandomValues` unless another source is given.
 *
 * @throws RangeError when the prefix or the environment is not of the format
 * @throws Error when the source yields hardly a usable byte; whatever the source itself throws is passed on
 * @example generate({ prefix: 'tsr', environment: 'live' }) // 'tsr_live_' and 49 more characters
 */
export function generate(options: GenerateOptions, random: RandomSource = webCrypto): string {
  const { prefix, environment } = options;
  if (!isPrefix(prefix)) throw new RangeError('a token prefix is 2 to 16 characters of a-z and 0-9');
  if (!isEnvironment(environment)) throw new RangeError('a token environment is live or test');
  const body = `${prefix}_${environment}_${secret(random)}`;
  return body + checksum(body);
}

function secret(random: RandomSource): string {
  const bytes = new Uint8Array(BYTES_A_DRAW);
  let digits = '';
  for (let draw = 0; draw < MAX_DRAWS; draw += 1) {
    random(bytes);
    for (const byte of bytes) {
      if (byte >= UNBIASED_BYTES) continue;
      digits += TOKEN_ALPHABET.charAt(byte % BASE);
      if (digits.length === SECRET_LENGTH) return digits;
    }
  }
  throw new Error('the random source is broken: no token was made');
}

function webCrypto(bytes: Uint8Array): void {
  platform.crypto.getRandomValues(bytes);
}
