/** Reading: what is generated is read back, and whatever differs from it in the least is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspect, isEnvironment, isPrefix, parse } from '../src/format.ts';
import { generate } from '../src/generate.ts';
import { environments, prefixes, seededToken, tokenTexts } from './support/arbitraries.ts';

const TOKEN = seededToken(1);

describe('inspect and parse', () => {
  it('read back what was generated', () => {
    fc.assert(
      fc.property(prefixes, environments, (prefix, environment) => {
        const text = generate({ prefix, environment });
        const token = { text, prefix, environment, hint: text.slice(-4) };
        expect(inspect(text)).toEqual({ outcome: 'ok', token });
        expect(parse(text)).toEqual(token);
      }),
    );
  });

  it('refuse any one character replaced by any other', () => {
    fc.assert(
      fc.property(tokenTexts, fc.nat(), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), (text, n, other) => {
        const at = n % text.length;
        fc.pre(other !== text.charAt(at));
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        expect(inspect(changed).outcome).not.toBe('ok');
        expect(parse(changed)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('refuse every printable character in place of every character of one token', () => {
    for (let at = 0; at < TOKEN.length; at += 1) {
      for (let code = 0; code < 0x180; code += 1) {
        if (code === TOKEN.charCodeAt(at)) continue;
        const changed = TOKEN.slice(0, at) + String.fromCharCode(code) + TOKEN.slice(at + 1);
        expect(inspect(changed).outcome, `${at}: ${code}`).not.toBe('ok');
      }
    }
  });

  it('refuse a character lost, repeated or swapped with its neighbour', () => {
    fc.assert(
      fc.property(tokenTexts, fc.nat(), (text, n) => {
        const at = n % (text.length - 1);
        const [before, one, two, after] = [text.slice(0, at), text.charAt(at), text.charAt(at + 1), text.slice(at + 2)];
        expect(inspect(before + two + after).outcome).not.toBe('ok');
        expect(inspect(before + one + one + two + after).outcome).not.toBe('ok');
        fc.pre(one !== two);
        expect(inspect(before + two + one + after).outcome).not.toBe('ok');
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a space in front', ` ${TOKEN}`],
    ['a line feed behind', `${TOKEN}\n`],
    ['a NUL behind', `${TOKEN}\0`],
    ['padding behind', `${TOKEN}=`],
    ['a lone surrogate', TOKEN.replace('l', '\ud800')],
    ['full-width characters that normalise to the token', TOKEN.replace('tsr', '\uff54\uff53\uff52')],
  ])('refuse %s, and normalise nothing', (_, text) => {
    expect(inspect(text)).toEqual({ outcome: 'bad_alphabet' });
  });

  it('refuse the other letter case, in the prefix, the environment and the secret', () => {
    expect(inspect(TOKEN.replace('tsr', 'TSR'))).toEqual({ outcome: 'bad_prefix' });
    expect(inspect(TOKEN.replace('live', 'Live'))).toEqual({ outcome: 'bad_environment' });
    expect(inspect(TOKEN.slice(0, 9) + TOKEN.slice(9).toLowerCase())).toEqual({ outcome: 'bad_checksum' });
  });

  it('never throw, and accept no text of another making', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
        expect(inspect(text).outcome).not.toBe('ok');
      }),
    );
  });

  it('refuse a text of any length above the limit without reading it', () => {
    const huge = '_'.repeat(2 ** 24);
    const start = performance.now();
    for (let round = 0; round < 1000; round += 1) expect(inspect(huge).outcome).toBe('too_long');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('share their refusals, which nobody can change', () => {
    expect(inspect('')).toBe(inspect('x'));
    expect(Object.isFrozen(inspect(''))).toBe(true);
  });
});

describe('isPrefix', () => {
  it.each(['ab', 'tsr', '42', '1a', 'abcdefghijklmnop'])('accepts %s', (text) => {
    expect(isPrefix(text)).toBe(true);
  });

  it.each(['', 'a', 'abcdefghijklmnopq', 'Tsr', 'a_b', 'a-b', 'a b', 'ab\n', 'é1', 'a`', 'a{', 'a/', 'a:'])(
    'refuses %j',
    (text) => {
      expect(isPrefix(text)).toBe(false);
    },
  );
});

describe('isEnvironment', () => {
  it('accepts live and test only', () => {
    expect(['live', 'test', 'Live', 'prod', '', 'live ', '__proto__'].filter(isEnvironment)).toEqual(['live', 'test']);
  });
});
