/** The strict subset of YAML: what could mean two things, or cost too much, is refused with its place. */
import { describe, expect, test } from 'vitest';
import { readYaml } from '../../src/config/read-yaml.ts';
import { MAX_FILE_BYTES } from '../../src/read-file.ts';
import { problems } from './support.ts';

const refusal = (text: string): string => {
  const result = readYaml(text);
  if (result.ok) throw new Error('the text was accepted');
  const [first] = result.problems;
  return `${first?.line}:${first?.column} ${first?.message}`;
};

test('plain values, and the place of each', () => {
  const result = readYaml('a: 1\nb:\n  - x\n  - c: [true, null, 1.5]\n');
  if (!result.ok) throw new Error('the text was refused');
  expect(result.value).toEqual({ a: 1, b: ['x', { c: [true, null, 1.5] }] });
  expect(result.position(['b', 1, 'c', 2])).toEqual({ line: 4, column: 21 });
  expect(result.position(['b', 0])).toEqual({ line: 3, column: 5 });
  expect(result.position(['b', 1, 'absent', 7])).toEqual({ line: 4, column: 5 });
  expect(result.position(['absent'])).toEqual({ line: 1, column: 1 });
});

test('a file of comments is null', () => {
  expect(readYaml('# nothing\n')).toMatchObject({ ok: true, value: null });
});

describe('refused', () => {
  test('an alias bomb, at its first alias', () => {
    const levels = 'abcdefghi'.split('').map((name, index, names) => {
      const before = names[index - 1];
      return `${name}: &${name} [${Array(9)
        .fill(before === undefined ? 'lol' : `*${before}`)
        .join(', ')}]`;
    });
    expect(refusal(levels.join('\n'))).toBe('2:8 is an alias (*name); write the value out');
    expect(problems({ yaml: levels.join('\n') })[0]).toBe(
      'tessera.yaml:2:8 b[0]: is an alias (*name); write the value out',
    );
  });

  test.each([
    ['a duplicate key', 'port: 1\nhost: x\nport: 2\n', '3:1 repeats the key "port" of line 1'],
    ['a nested duplicate key', 'a:\n  b: 1\n  "b": 2\n', '3:3 repeats the key "b" of line 2'],
    ['a merge of an anchor', 'a: &a { b: 1 }\nc:\n  <<: *a\n', '3:7 is an alias (*name); write the value out'],
    ['an alias as a key', 'a: &a b\n*a : 1\n', '2:1 has a key here that is not plain text'],
    ['__proto__', 'a: { __proto__: { admin: true } }', '1:6 must not have a key "__proto__"'],
    ['constructor', 'constructor: 1', '1:1 must not have a key "constructor"'],
    ['prototype', 'prototype: 1', '1:1 must not have a key "prototype"'],
    ['two documents', 'port: 1\n---\nport: 2\n', '2:1 must be one YAML document, and a second one starts here'],
    ['YAML 1.1', '%YAML 1.1\n---\na: yes\n', '1:1 must be YAML 1.2'],
    ['a tag', 'a: !!binary aGk=\n', '1:4 has a tag here that is not supported'],
    ['a mapping as a key', '? [a]\n: 1\n', '1:3 has a key here that is not plain text'],
    ['a tab', 'a:\n\tb: 1\n', '2:1 is indented with a tab; YAML takes spaces'],
    ['an open quote', 'a: "x\n', '2:1 lacks a quote, bracket, comma, colon or space here'],
    ['40 levels', `a: ${'['.repeat(40)}${']'.repeat(40)}`, '1:36 is nested deeper than 32 levels'],
    ['20,000 levels', '['.repeat(20_000), expect.stringMatching(/is nested deeper than 32 levels$/)],
    ['more than 1 MiB', 'a'.repeat(MAX_FILE_BYTES + 1), '1:1 is larger than 1 MiB'],
  ])('%s', (_, text, told) => {
    expect(refusal(text)).toEqual(told);
  });

  test('in YAML 1.2 "yes" is a text, and "010" is ten', () => {
    expect(readYaml('a: yes\nb: 010\n')).toMatchObject({ value: { a: 'yes', b: 10 } });
  });
});
