/** Files on a real disk: permissions, size, encoding, absence. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { readTextFile } from '../../src/read-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('text, without its byte order mark, and who else may read it', async () => {
  const path = join(folder, 'key');
  await writeFile(path, '\uFEFFtext\n', { mode: 0o600 });
  expect(readTextFile(path)).toEqual({ ok: true, text: 'text\n', openToOthers: false });
  for (const mode of [0o640, 0o604, 0o602]) {
    await chmod(path, mode);
    expect(readTextFile(path), mode.toString(8)).toMatchObject({ ok: true, openToOthers: true });
  }
});

test('what cannot be used says why, without naming the file', async () => {
  await writeFile(join(folder, 'binary'), Buffer.from([0x61, 0xff, 0xfe]));
  await writeFile(join(folder, 'full'), 'a'.repeat(1024 * 1024));
  await writeFile(join(folder, 'large'), 'a'.repeat(1024 * 1024 + 1));
  await mkdir(join(folder, 'folder'));
  const told = (name: string) => {
    const read = readTextFile(join(folder, name));
    return read.ok ? read.text.length : [read.absent, read.message];
  };
  expect(told('absent')).toEqual([true, 'does not exist']);
  expect(told('binary/below')).toEqual([true, 'does not exist']);
  expect(told('binary')).toEqual([false, 'is not UTF-8 text']);
  expect(told('folder')).toEqual([false, 'cannot be read (EISDIR)']);
  expect(told('full')).toBe(1024 * 1024);
  expect(told('large')).toEqual([false, 'is larger than 1 MiB']);
  expect(readTextFile('/dev/zero')).toEqual({ ok: false, absent: false, message: 'is larger than 1 MiB' });
  expect(readTextFile('a\0b')).toEqual({ ok: false, absent: false, message: 'cannot be read (ERR_INVALID_ARG_VALUE)' });
});

test('a configuration from the disk', async () => {
  await writeFile(join(folder, 'tessera.yaml'), 'port: 1\n');
  await writeFile(join(folder, 'key'), `${'ab'.repeat(32)}\n`);
  await chmod(join(folder, 'key'), 0o644);
  const result = loadConfig({ env: { TESSERA_MASTER_KEY_FILE: 'key' }, cwd: folder });
  expect(result).toMatchObject({ ok: true, config: { port: 1, data: join(folder, 'data') } });
  expect(result.warnings.map(formatProblem)).toEqual([
    'TESSERA_MASTER_KEY_FILE: the file that it names is open to group or others; chmod 600 it',
  ]);
});
