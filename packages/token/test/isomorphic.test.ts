/** The package runs where there is no Node: it imports nothing, names no global of Node, and works in a bare realm. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const sources = readdirSync(new URL('../src/', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();

describe('the source', () => {
  it.each(sources)('%s imports files of the package only', (name) => {
    const specifiers = [...read(`../src/${name}`).matchAll(/\b(?:from\s*|import\s*\(?\s*)(['"])(.*?)\1/g)].map(
      ([, , specifier]) => specifier,
    );
    for (const specifier of specifiers) {
      expect(specifier).toMatch(/^\.{1,2}\//);
      expect(sources).toContain(posix.join(posix.dirname(name), specifier ?? ''));
    }
  });

  it('is seen by that search', () => {
    expect(sources).toContain('index.ts');
    expect(read('../src/index.ts').match(/\bfrom '\.\//g)?.length).toBeGreaterThanOrEqual(5);
  });

  it('depends on no package, and compiles without the types of Node or of a browser', () => {
    const manifest = JSON.parse(read('../package.json')) as Record<string, unknown>;
    const { compilerOptions } = JSON.parse(read('../tsconfig.json')) as { compilerOptions: Record<string, unknown> };
    expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([]);
    expect(compilerOptions).toMatchObject({ types: [], lib: ['es2024'] });
  });
});

describe('in a realm with only the language, WebCrypto, TextEncoder and TextDecoder', () => {
  it('makes, reads, digests, finds, redacts and inspects', () => {
    const program = fileURLToPath(new URL('./support/browser-realm.ts', import.meta.url));
    const output = execFileSync(process.execPath, ['--no-warnings', '--experimental-vm-modules', program], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(JSON.parse(output)).toEqual({
      foreign: [],
      outcome: 'ok',
      foundAtItsPlace: true,
      redacted: 'see [token]',
      fingerprint: 'xj4bnp4pahh6uqkb',
      accented: 'bad_alphabet',
      inspected: ['opaque', 'jws signed by key 0'],
    });
  });
});
