/** The published vectors hold for this reader, and every case of the file is one that it knows how to judge. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checksum } from '../src/checksum.ts';
import { digest, fingerprint } from '../src/digest.ts';
import { inspect, parse } from '../src/format.ts';

type Case = {
  name: string;
  text: string;
  outcome: string;
  prefix?: string;
  environment?: string;
  checksum?: string;
  sha256?: string;
  fingerprint?: string;
};

const OUTCOMES = [
  'too_long',
  'bad_alphabet',
  'bad_shape',
  'bad_prefix',
  'bad_environment',
  'bad_length',
  'bad_checksum',
  'ok',
];
const PARTS = ['prefix', 'environment', 'checksum', 'sha256', 'fingerprint'];

const file = JSON.parse(readFileSync(new URL('../../../vectors/token-format.json', import.meta.url), 'utf8')) as {
  description: string;
  outcomes: Record<string, string>;
  cases: Case[];
};

describe('vectors/token-format.json', () => {
  it('documents the outcomes, in the order in which they are checked', () => {
    expect(Object.keys(file.outcomes)).toEqual(OUTCOMES);
  });

  it('has cases for every outcome, each under its own name, and none with an outcome or a field unknown here', () => {
    expect(file.cases.length).toBeGreaterThanOrEqual(40);
    expect(new Set(file.cases.map((each) => each.outcome))).toEqual(new Set(OUTCOMES));
    expect(new Set(file.cases.map((each) => each.name)).size).toBe(file.cases.length);
    for (const each of file.cases) {
      const parts = each.outcome === 'ok' ? PARTS : [];
      expect(Object.keys(each), each.name).toEqual(['name', 'text', 'outcome', ...parts]);
    }
  });

  it.each(file.cases)('$outcome: $name', async (expected) => {
    const inspection = inspect(expected.text);
    expect(inspection.outcome).toBe(expected.outcome);
    if (inspection.outcome !== 'ok') {
      expect(parse(expected.text)).toBeUndefined();
      return;
    }
    const { token } = inspection;
    expect(token).toEqual({
      text: expected.text,
      prefix: expected.prefix,
      environment: expected.environment,
      hint: expected.text.slice(-4),
    });
    expect(checksum(expected.text.slice(0, -6))).toBe(expected.checksum);
    const digestBytes = await digest(token.text);
    expect(Buffer.from(digestBytes).toString('hex')).toBe(expected.sha256);
    expect(fingerprint(digestBytes)).toBe(expected.fingerprint);
  });
});
