/** Tokens as fast-check values: any prefix, environment and secret, with the right checksum. */
import fc from 'fast-check';
import { checksum } from '../../src/checksum.ts';
import { generate, type RandomSource, TOKEN_ALPHABET } from '../../src/index.ts';

export const prefixes = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'.split('')),
  minLength: 2,
  maxLength: 16,
});

export const environments = fc.constantFrom('live' as const, 'test' as const);

export const secrets = fc.string({ unit: fc.constantFrom(...TOKEN_ALPHABET.split('')), minLength: 43, maxLength: 43 });

export const tokenTexts = fc
  .tuple(prefixes, environments, secrets)
  .map(([prefix, environment, secret]) => withChecksum(`${prefix}_${environment}_${secret}`));

export function withChecksum(body: string): string {
  return body + checksum(body);
}

/** A source of bytes that repeats itself from run to run (xorshift32). */
export function seededRandom(seed: number): RandomSource {
  let state = seed;
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[at] = state >>> 24;
    }
  };
}

export function seededToken(seed: number): string {
  return generate({ prefix: 'tsr', environment: 'live' }, seededRandom(seed));
}
