/** The tables of operations and of error codes are those that the contract yields. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('operations.ts and error-codes.ts do not differ from the contract', async () => {
  const script = fileURLToPath(new URL('../scripts/generate.ts', import.meta.url));
  await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toMatchObject({ stderr: '' });
});
