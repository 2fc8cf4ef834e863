/** A service loads nothing but what it uses: no framework comes with the middleware for it, and nobody gets another one's. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../../..');

/** Every package that importing it loads, in a process of its own. */
function loadedBy(specifier: string): readonly string[] {
  const code = `
    const seen = new Set();
    const { registerHooks } = await import('node:module');
    registerHooks({
      resolve(name, context, next) {
        const found = next(name, context);
        seen.add(found.url);
        return found;
      },
    });
    await import(${JSON.stringify(specifier)});
    console.log(JSON.stringify([...seen]));`;
  const args = ['--input-type=module', '--eval', code];
  const urls = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as string[];
  const names = urls.map((url) => /\/(node_modules\/(?:@[^/]+\/)?[^/]+|packages\/[^/]+)\//.exec(url)?.[1] ?? url);
  return [...new Set(names)].filter((name) => !name.startsWith('node:')).sort();
}

it.each(['node', 'express', 'fastify', 'hono', 'fetch'])('%s', (name) => {
  const loaded = loadedBy(`@tessera/verify/${name}`);
  expect(loaded).toContain('packages/verify');
  expect(loaded.filter((one) => !['packages/verify', 'packages/token'].includes(one))).toEqual([]);
});
