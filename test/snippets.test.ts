/** docs/clients.md: the programs on the page run as they stand there, and hear that a token is good until it is revoked. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, caller } from './support/call.ts';
import { describeWith } from './support/program.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const root = resolve(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/clients.md'), 'utf8');

let server: Server;
let admin: Caller;
let token: string;
beforeAll(async () => {
  server = await startServer();
  admin = caller(server, server.rootToken);
  token = (await admin.mint({ api: 'tessera', name: 'snippets', scopes: ['tokens:write', 'verify'] })).token;
}, STARTS_MS);
afterAll(endServers);

/** The program of a section, run in the folder of the repository with what the page says to set. */
async function run(heading: string, program: string, args: (code: string) => readonly string[]): Promise<string> {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`));
  const [, code = ''] = /```\w+\n([\s\S]*?)```/.exec(section) ?? [];
  expect(code).not.toBe('');
  const env = { ...process.env, TESSERA_URL: server.url, TESSERA_TOKEN: token, NO_PROXY: '127.0.0.1' };
  const { stdout, stderr } = await promisify(execFile)(program, args(code), { cwd: root, env, timeout: STARTS_MS });
  expect(stderr).toBe('');
  return stdout;
}

const GOOD_UNTIL_REVOKED = 'true ok\nfalse revoked\n';

async function expectRevoked(name: string): Promise<void> {
  const { items } = await admin.do('tokens.list', { query: { q: name } });
  expect(items).toMatchObject([{ name, status: 'revoked', revokedReason: 'end of the demo' }]);
}

describeWith(['curl', 'jq', 'bash'], 'curl', () => {
  it('mints, verifies and revokes', { timeout: STARTS_MS }, async () => {
    expect(await run('curl', 'bash', (code) => ['-euo', 'pipefail', '-c', code])).toBe(GOOD_UNTIL_REVOKED);
    await expectRevoked('curl');
  });
});

it('TypeScript mints, verifies and revokes', { timeout: STARTS_MS }, async () => {
  const evaluate = (code: string) => ['--input-type=module-typescript', '--eval', code];
  expect(await run('TypeScript', process.execPath, evaluate)).toBe(GOOD_UNTIL_REVOKED);
  await expectRevoked('typescript');
});

describeWith(['python3'], 'Python', () => {
  it('mints, verifies and revokes', { timeout: STARTS_MS }, async () => {
    // -I: nothing of the environment or the working folder is imported.
    expect(await run('Python', 'python3', (code) => ['-I', '-W', 'error', '-c', code])).toBe(GOOD_UNTIL_REVOKED);
    await expectRevoked('python');
  });
});

it('the page says what the programs print', () => {
  expect(page).toContain('it prints `true ok` and `false revoked`');
});
