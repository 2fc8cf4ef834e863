/** What is printed: the forms, and that data from elsewhere cannot steer the terminal. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandError } from '../src/command-error.ts';
import { type Answer, outputFormats } from '../src/output/answer.ts';
import { renderAnswer } from '../src/output/render-answer.ts';
import { renderView } from '../src/output/render-view.ts';
import { wantsColor } from '../src/output/wants-color.ts';

const list: Answer = {
  data: { items: [{ id: 'a' }, { id: 'bb' }], nextCursor: null },
  view: {
    kind: 'rows',
    columns: ['id', 'scopes', 'on'],
    rows: [
      ['a', ['x', 'y'], true],
      ['bb', [], null],
    ],
  },
  quiet: ['a', 'bb'],
};
const one: Answer = {
  data: { id: 'a', deep: { n: 1 } },
  view: {
    kind: 'fields',
    fields: [
      ['id', 'a'],
      ['long label', 7],
      ['left out', undefined],
    ],
  },
  quiet: ['a'],
  env: { TESSERA_KEY: 'tsr_live_x', NAME: "it's", EMPTY: null },
};
const plain = { quiet: false, color: false } as const;

describe('forms', () => {
  it('table', () => {
    expect(renderAnswer(list, { ...plain, format: 'table' })).toBe('ID  SCOPES  ON\na   x y     yes\nbb  -       -\n');
    expect(renderAnswer(one, { ...plain, format: 'table' })).toBe('id          a\nlong label  7\n');
  });
  it('table in colour', () => {
    expect(renderAnswer(one, { ...plain, format: 'table', color: true })).toContain('\u001b[1mid');
  });
  it('json is what the API said', () => {
    expect(JSON.parse(renderAnswer(list, { ...plain, format: 'json' }))).toEqual(list.data);
  });
  it('ndjson is a line an item', () => {
    expect(renderAnswer(list, { ...plain, format: 'ndjson' })).toBe('{"id":"a"}\n{"id":"bb"}\n');
    expect(renderAnswer(one, { ...plain, format: 'ndjson' })).toBe('{"id":"a","deep":{"n":1}}\n');
  });
  it('env can be read by a shell', () => {
    expect(renderAnswer(one, { ...plain, format: 'env' })).toBe(`TESSERA_KEY=tsr_live_x\nNAME='it'\\''s'\nEMPTY=\n`);
    expect(() => renderAnswer(list, { ...plain, format: 'env' })).toThrow(
      new CommandError('usage', 'this cannot be printed as env; use -o json'),
    );
  });
  it('quiet is ids alone', () => {
    expect(renderAnswer(list, { format: 'table', quiet: true, color: true })).toBe('a\nbb\n');
  });
});

describe('hostile data', () => {
  const hostile = [
    '\u001b[2J',
    '\u009b31m',
    '\u007f',
    '\r',
    '\n',
    '\t',
    '\u202e',
    '\u2066',
    '\u2028',
    '\0',
    '\ufeff',
    'ok',
    "'",
  ];
  it('reaches no terminal as a control character, in any form', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...hostile), { maxLength: 8 }).map((parts) => parts.join('')),
        fc.constantFrom(...outputFormats),
        fc.boolean(),
        (text, format, quiet) => {
          const answer: Answer = {
            data: { items: [{ name: text }] },
            view: { kind: 'rows', columns: ['name'], rows: [[text], [[text]]] },
            quiet: [text],
            env: { NAME: text },
          };
          const printed = renderAnswer(answer, { format, quiet, color: false });
          // The line breaks that are left are ours.
          expect(printed.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u);
          if (!quiet && format === 'ndjson') expect(printed).toBe(`${printed.trimEnd()}\n`);
          if (!quiet && format === 'json') expect(JSON.parse(printed)).toEqual(answer.data);
        },
      ),
    );
  });
});

describe('colour', () => {
  it.each<[Record<string, string>, boolean, boolean]>([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
  ])('%j, terminal %s: %s', (env, isTTY, wanted) => {
    expect(wantsColor(env, isTTY)).toBe(wanted);
  });
});

it('records that are followed come without a header each', () => {
  const view = { kind: 'rows', columns: ['seq', 'kind'], rows: [[7, 'token.revoked']] } as const;
  expect(renderView(view, false)).toBe('SEQ  KIND\n7    token.revoked\n');
  expect(renderView({ ...view, header: false }, true)).toBe('7  token.revoked\n');
});
