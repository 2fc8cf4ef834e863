/** Making: every digit equally likely, nothing made from a source that fails, nothing made that could not be read. */
import { describe, expect, it } from 'vitest';
import { TOKEN_ALPHABET } from '../src/base62.ts';
import { type GenerateOptions, generate } from '../src/generate.ts';
import { seededRandom } from './support/arbitraries.ts';

const OPTIONS: GenerateOptions = { prefix: 'tsr', environment: 'live' };

describe('generate', () => {
  it('draws every digit equally often', () => {
    const random = seededRandom(20_240_229);
    const counts = new Map<string, number>();
    const tokens = 4000;
    for (let made = 0; made < tokens; made += 1) {
      for (const digit of generate(OPTIONS, random).slice(9, -6)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    }
    const expected = (tokens * 43) / 62;
    let chiSquare = 0;
    for (const digit of TOKEN_ALPHABET) chiSquare += ((counts.get(digit) ?? 0) - expected) ** 2 / expected;
    // 61 degrees of freedom: 115 is exceeded by a fair source once in 30,000 seeds. `byte % 62` without rejection gives 900.
    expect(chiSquare).toBeLessThan(115);
    expect(chiSquare).toBeGreaterThan(25);
  });

  it('passes over the bytes 248 to 255, which would favour the first eight digits', () => {
    let next = 248;
    const counting = (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; at += 1, next += 1) bytes[at] = next;
    };
    expect(generate(OPTIONS, counting).slice(9, -6)).toBe(TOKEN_ALPHABET.slice(0, 43));
  });

  it('takes 247, the last byte that is fair', () => {
    expect(generate(OPTIONS, (bytes) => bytes.fill(247)).slice(9, -6)).toBe('z'.repeat(43));
  });

  it('draws again when one draw does not suffice', () => {
    let draws = 0;
    const sparse = (bytes: Uint8Array) => {
      draws += 1;
      bytes.fill(255);
      bytes.fill(draws, 0, 11);
    };
    expect(generate(OPTIONS, sparse).slice(9, -6)).toBe(
      `${'1'.repeat(11)}${'2'.repeat(11)}${'3'.repeat(11)}${'4'.repeat(10)}`,
    );
  });

  it('gives up on a source that yields nothing usable, rather than loop or make a weak token', () => {
    expect(() => generate(OPTIONS, (bytes) => bytes.fill(255))).toThrow(
      'the random source is broken: no token was made',
    );
  });

  it('passes on what the source throws', () => {
    const failing = () => {
      throw new Error('no entropy');
    };
    expect(() => generate(OPTIONS, failing)).toThrow('no entropy');
  });

  it('never makes the same token twice', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => generate(OPTIONS))).size).toBe(10_000);
  });

  it.each(['', 'a', 'Tsr', 'a_b', 'abcdefghijklmnopq'])('refuses the prefix %j', (prefix) => {
    expect(() => generate({ prefix, environment: 'live' })).toThrow(
      new RangeError('a token prefix is 2 to 16 characters of a-z and 0-9'),
    );
  });

  it('refuses an environment it does not know', () => {
    const options = { prefix: 'tsr', environment: 'prod' } as unknown as GenerateOptions;
    expect(() => generate(options)).toThrow(new RangeError('a token environment is live or test'));
  });
});
