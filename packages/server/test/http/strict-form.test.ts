/** A form has one reading, or none. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isForm, parseForm } from '../../src/http/strict-form.ts';

const parse = (text: string) => parseForm(Buffer.from(text, 'latin1'));
const entries = (text: string) => {
  const parsed = parse(text);
  return parsed.ok ? [...parsed.form] : parsed.detail;
};

describe('a form', () => {
  it('is read as browsers and libraries write it, whatever the values are', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed() && !value.includes('\0'));
    const name = text.filter((value) => value !== '');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, text), { maxLength: 20 }), (pairs) => {
        const expected = new Map<string, string[]>();
        for (const [key, value] of pairs) expected.set(key, [...(expected.get(key) ?? []), value]);
        const written = new URLSearchParams(pairs).toString();
        expect(entries(written)).toEqual([...expected]);
      }),
      { numRuns: 200 },
    );
  });

  it('never throws, and never says what was sent', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const parsed = parseForm(Buffer.from(bytes));
        if (!parsed.ok) expect(parsed.detail).toMatch(/^the form h[a-z0-9 -]+[A-Z8a-z0-9 -]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      'a=1&b=2',
      [
        ['a', ['1']],
        ['b', ['2']],
      ],
    ],
    ['a=1&a=2', [['a', ['1', '2']]]],
    ['a', [['a', ['']]]],
    ['a=b=c', [['a', ['b=c']]]],
    ['a=b;c=d', [['a', ['b;c=d']]]],
    ['%61=+%2B', [['a', [' +']]]],
    ['__proto__=1', [['__proto__', ['1']]]],
    ['', []],
  ])('%s', (text, expected) => {
    expect(entries(text)).toEqual(expected);
  });

  it.each([
    'a=%',
    'a=%4',
    'a=%zz',
    'a=%ff',
    'a=%c0%80',
    'a=%ed%a0%80',
    'a=%00',
    '%00=a',
    'a=\u00e4',
    'a=b c',
    'a=b\n',
    '=b',
    'a=b&',
    '&a=b',
    'a=b&&c=d',
  ])('is refused as %j', (text) => expect(parse(text).ok).toBe(false));
});

describe('what is said to be a form', () => {
  const types: readonly (readonly [string, boolean])[] = [
    ['application/x-www-form-urlencoded', true],
    ['Application/X-WWW-Form-Urlencoded; charset=UTF-8', true],
    ['application/x-www-form-urlencoded;charset="utf-8"', true],
    ['application/x-www-form-urlencoded; charset=latin1', false],
    ['application/x-www-form-urlencoded, text/plain', false],
    ['multipart/form-data; boundary=x', false],
    ['', false],
  ];
  it.each(types)('%s: %s', (type, expected) => {
    expect(isForm(['Content-Type', type])).toBe(expected);
    expect(isForm(['Content-Type', type, 'Content-Encoding', 'gzip'])).toBe(false);
  });
});
