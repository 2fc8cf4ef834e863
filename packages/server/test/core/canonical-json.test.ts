/** One value has one canonical text, as RFC 8785 writes it. */
import { jsonValue, property, assert as propertyHolds } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical-json.ts';

describe('RFC 8785', () => {
  test('section 3.2.2: literals, strings and numbers', () => {
    const value = JSON.parse(`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalJson(value)).toBe(
      `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA'B\\"\\\\\\\\\\"/"}`,
    );
  });

  test('section 3.2.3: members by UTF-16 code units', () => {
    const value = JSON.parse(`{
      "\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control", "\\u00f6": "Latin Small Letter O With Diaeresis"
    }`);
    expect(Object.values(JSON.parse(canonicalJson(value)) as object).toSorted()).toHaveLength(7);
    expect(canonicalJson(value).match(/"[A-Z][^"]*"/g)).toEqual([
      '"Carriage Return"',
      '"One"',
      '"Control"',
      '"Latin Small Letter O With Diaeresis"',
      '"Euro Sign"',
      '"Emoji: Grinning Face"',
      '"Hebrew Letter Dalet With Dagesh"',
    ]);
  });

  test.each([
    [Number.NaN, 'no such number'],
    [Number.POSITIVE_INFINITY, 'no such number'],
    ['\ud800', 'no lone surrogate'],
    [{ '\udc00': 1 }, 'no lone surrogate'],
    [undefined, 'no undefined'],
    [Symbol('x'), 'no symbol'],
  ])('%o is an error', (value, words) => {
    expect(() => canonicalJson(value)).toThrow(new RegExp(words));
  });

  test('-0 is 0, absent members are absent, absent items are null', () => {
    expect(canonicalJson({ b: -0, a: undefined, c: [undefined, 1] })).toBe('{"b":0,"c":[null,1]}');
  });
});

test('whatever the order of its members, a value has one text, which reads as the value', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, shuffled(inner)]),
    );
  };
  propertyHolds(
    property(jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(shuffled(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
    { numRuns: 100 },
  );
});
