/** The reference holds every command, and is the same each time. */
import { expect, it } from 'vitest';
import { exitCodes, renderCliReference } from '../src/index.ts';

it('is complete and stable', async () => {
  const text = await renderCliReference();
  expect(await renderCliReference()).toBe(text);
  const headings = text.split('\n').filter((line) => /^#+ tessera/.test(line));
  for (const path of [
    'tessera start',
    'tessera config check',
    'tessera token create',
    'tessera token cancel-rotation',
    'tessera token import',
    'tessera api delete',
    'tessera owner update',
    'tessera role show',
    'tessera workspace list',
    'tessera audit verify',
    'tessera audit checkpoint',
    'tessera changes tail',
    'tessera login',
    'tessera generate',
    'tessera completion',
  ]) {
    expect(headings.map((line) => line.replace(/^#+ /, ''))).toContain(path);
  }
  expect(new Set(headings).size).toBe(headings.length);
  for (const { code, meaning } of Object.values(exitCodes)) expect(text).toContain(`| ${code} | ${meaning} |`);
});

it('gives every command an example', async () => {
  const text = await renderCliReference();
  for (const section of text.split(/\n#+ (?=tessera)/).slice(1)) {
    expect(section, section.split('\n')[0]).toContain('```text\nExamples:\n  $ ');
  }
});
