/** Who verifies loads no dependency but `@tessera/token`, also where tokens are signed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Every module that the entry point loads, as the loader of Node sees it. */
async function modulesOf(entry: string): Promise<string[]> {
  const script = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      process.stdout.write(found.url + '\\n');
      return found;
    } });
    await import(${JSON.stringify(new URL(`../src/${entry}`, import.meta.url).href)});`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return stdout.split('\n').filter((line) => line.startsWith('file:'));
}

const isForeign = (url: string): boolean => !/\/packages\/(verify|token)\/src\//.test(url);

test('the package loads nothing of others', async () => {
  const modules = await modulesOf('index.ts');
  expect(modules.some((url) => url.endsWith('/create-verifier.ts'))).toBe(true);
  expect(modules.filter(isForeign)).toEqual([]);
});

test('signed tokens and proofs load nothing of others either', async () => {
  const modules = await modulesOf('jose.ts');
  expect(modules.some((url) => url.endsWith('/signatures.ts'))).toBe(true);
  expect(modules.filter(isForeign)).toEqual([]);
});
