/** Whatever the file and the environment hold, loading answers: it never throws, and a refusal always says something. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { formatProblem } from '../../src/config/problems.ts';
import { settingNames, settings } from '../../src/config/settings.ts';
import { load } from './support.ts';

const YAML_PIECES = [
  'a',
  'routes',
  'port',
  ':',
  ': ',
  '- ',
  '\n',
  '  ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '&a ',
  '*a',
  '<<',
  '!!str ',
  '!',
  '%YAML 1.1\n',
  '---\n',
  '...',
  '#',
  '|',
  '>',
  '?',
  ',',
  '\t',
  '\0',
  '\r',
  '~',
  '1e999',
  '.nan',
  '__proto__',
  '🙂',
  '\uD800',
];

const yamlText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.constantFrom(...YAML_PIECES), { maxLength: 60 }).map((pieces) => pieces.join('')),
);

const NAMES = [
  ...settingNames,
  'routes',
  'name',
  'match',
  'path',
  'host',
  'limits',
  'limit',
  'window',
  'transform',
  'request',
  'set',
  'remove',
  'upstream',
  'targets',
  'url',
  'ip',
  'allow',
  'toString',
  '__proto__',
];
const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('http://u', '/*', '1m'),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 5 }),
  ),
})).value;

function answers(given: Parameters<typeof load>[0]): void {
  const result = load(given);
  if (result.ok) return;
  expect(result.problems.length).toBeGreaterThan(0);
  for (const problem of result.problems) expect(formatProblem(problem)).toMatch(/: \S/);
}

test('any text as a file', () => {
  fc.assert(
    fc.property(yamlText, (yaml) => answers({ yaml })),
    { numRuns: 2000 },
  );
});

test('any value under our own names', () => {
  fc.assert(
    fc.property(tree, (value) => answers({ yaml: stringify(value) })),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(tree, (value) => answers({ yaml: stringify({ routes: value }) })),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(tree, (value) => answers({ yaml: stringify({ routes: [value] }) })),
    { numRuns: 1000 },
  );
});

test('any text in any variable', () => {
  const name = fc.constantFrom(...settingNames.flatMap((key) => [settings[key].env, `${settings[key].env}_FILE`]));
  const env = fc.dictionary(name, fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(env, (variables) => answers({ env: variables })),
    { numRuns: 1000 },
  );
});
