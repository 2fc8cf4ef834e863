import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasForbiddenKey, MAX_DEPTH, MAX_MEMBERS, parseJson } from '../../src/http/strict-json.ts';

const detailOf = (input: string | Buffer): string | undefined => {
  const parsed = parseJson(input);
  return parsed.ok ? undefined : parsed.detail;
};

describe('strict JSON', () => {
  it('refuses more members than anything asks for, wherever they stand', () => {
    const halves = (count: number): string =>
      `[${[0, 1].map((half) => `{${Array.from({ length: count / 2 }, (_, at) => `"${half}${at}":":"`).join()}}`).join()}]`;
    expect(detailOf(halves(MAX_MEMBERS))).toBeUndefined();
    expect(detailOf(halves(MAX_MEMBERS + 2))).toBe(`The body has more than ${MAX_MEMBERS} members.`);
  });

  it('reads what JSON.parse reads, to the same value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const value: unknown = JSON.parse(text);
        if (JSON.stringify(keysOf(value)).includes('\\')) return;
        expect(parseJson(text)).toEqual({ ok: true, value });
        expect(parseJson(Buffer.from(JSON.stringify(value, null, 2)))).toEqual({
          ok: true,
          value: JSON.parse(JSON.stringify(value)),
        });
      }),
      { numRuns: 500 },
    );
  });

  it('refuses whatever JSON.parse refuses, and never throws', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      '"a"',
      '1',
      'true',
      ' ',
      '\\u0061',
      '"a":1',
      '\n',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const parsed = parseJson(text);
        if (parsed.ok) expect(valid).toBe(true);
        else if (valid) expect(parsed.detail).toMatch(/^(?:An object has a member twice|A member name holds .*)\.$/);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses a member that is written twice, wherever and however', () => {
    const key = fc.constantFrom('a', 'b', '__proto__', 'é', 'ab', 'a', '\ud800', '1', '');
    fc.assert(
      fc.property(fc.array(key, { maxLength: 5 }), fc.boolean(), (keys, escaped) => {
        const spelled = keys.map((name, index) => {
          const plain = JSON.stringify(name);
          return escaped && index % 2 === 0 && name !== ''
            ? `"${Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
            : plain;
        });
        const text = `[{"x":{${spelled.map((name) => `${name}:":{}"`).join(',')}}}]`;
        const twice = new Set(keys).size < keys.length;
        expect(detailOf(text)).toBe(twice ? 'An object has a member twice.' : undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['{"a":1,"a":1}', 'An object has a member twice.'],
    ['{"a":1,"\\u0061":2}', 'An object has a member twice.'],
    ['{"__proto__":1,"__proto__":2}', 'An object has a member twice.'],
    ['{"a":1} x', 'The body is not valid JSON (position 8).'],
    ['{"a":1}{}', 'The body is not valid JSON (position 7).'],
    ["{'a':1}", 'The body is not valid JSON (position 1).'],
    ['{"a":NaN}', 'The body is not valid JSON.'],
    ['[1,]', 'The body is not valid JSON.'],
    ['"a', 'The body is not valid JSON (position 2).'],
    ['', 'The body is not valid JSON.'],
    ['\ufeff{}', 'The body is not valid JSON.'],
  ])('refuses %j: %s', (text, detail) => {
    expect(detailOf(text)).toContain(detail.replace(/ \(position.*/, '').replace(/\.$/, ''));
    expect(detailOf(text)).not.toContain('"');
  });

  it('never repeats the input in what it says', () => {
    expect(detailOf('{"token": tsr_live_secret}')).toMatch(/^The body is not valid JSON( \(position [0-9]+\))?\.$/);
    expect(detailOf('tsr_live_secret')).not.toContain('secret');
  });

  it('reads a name with escapes as what it spells, whatever was parsed before', () => {
    for (const other of ['{"\\\\":1}', '{"\\\\u0":1}', '{"a\\\\":1}']) JSON.parse(other);
    expect(parseJson('{"\\u0061":1,"a\\u0062":2,"\\ud800":3,"\\u00e9":"\\u0061"}')).toEqual({
      ok: true,
      value: { a: 1, ab: 2, '\ud800': 3, é: 'a' },
    });
    for (const name of ['\\"', '\\\\', '\\n', 'a\\u0000', '\\u0022'])
      expect(detailOf(`{"${name}":1}`)).toBe('A member name holds a quote, a backslash or a control character.');
  });

  it('refuses invalid UTF-8', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xff, 0xfe, 0x7b, 0x00],
    ])
      expect(detailOf(Buffer.from(bytes))).toBe('The body is not valid UTF-8.');
  });

  it('takes nesting up to its bound, and refuses one more before it is parsed', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(MAX_DEPTH)).ok).toBe(true);
    expect(detailOf(nested(MAX_DEPTH + 1))).toBe('The body is nested deeper than 32.');
    expect(detailOf('['.repeat(1_000_000))).toBe('The body is nested deeper than 32.');
    expect(parseJson(`"${'['.repeat(100)}"`).ok).toBe(true);
  });

  it('finds keys that would reach the prototype, at any depth', () => {
    for (const text of [
      '{"__proto__":{"admin":true}}',
      '{"a":[{"constructor":{"prototype":1}}]}',
      '[[{"prototype":1}]]',
    ]) {
      const parsed = parseJson(text);
      expect(parsed.ok && hasForbiddenKey(parsed.value)).toBe(true);
    }
    for (const value of [{ a: { proto: 1 } }, ['__proto__', 'constructor'], 'prototype', null, 1])
      expect(hasForbiddenKey(value)).toBe(false);
    expect('admin' in {}).toBe(false);
  });
});

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
}
