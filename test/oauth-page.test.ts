/** docs/oauth.md: what stands there can be pasted, and says what the page says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { caller, newWorkspace } from './support/call.ts';
import { describeWith } from './support/program.ts';
import { endServers, STARTS_MS, startServer } from './support/server.ts';

const root = resolve(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/oauth.md'), 'utf8');
afterAll(endServers);

it('the TypeScript on docs/oauth.md exchanges a token', { timeout: STARTS_MS }, async () => {
  const server = await startServer();
  const { token } = await caller(server, server.rootToken).mint({ scopes: ['orders:read'] });
  const [, code = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const env = { ...process.env, TESSERA_URL: server.url, KEY: token, NO_PROXY: '127.0.0.1' };
  const options = { cwd: root, env, timeout: STARTS_MS };
  const args = ['--input-type=module-typescript', '--eval', code];
  expect(await promisify(execFile)(process.execPath, args, options)).toEqual({
    stdout: '3 parts, for 300 s\n',
    stderr: '',
  });
});

describeWith(['bash', 'curl', 'jq'], 'docs/oauth.md', () => {
  it('is one shell session that works', { timeout: STARTS_MS }, async () => {
    const server = await startServer();
    const { admin } = await newWorkspace(server);
    const code = [...page.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block).join('\n');
    const env = { ...process.env, TESSERA_URL: server.url, TESSERA_TOKEN: admin.token, NO_PROXY: '127.0.0.1' };
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', code], { env, timeout: STARTS_MS });
    expect(stdout).toBe(
      'true orders:read for https://orders.example.com\ntrue\nBearer for 300 s: orders:read\n{"active":false}',
    );
  });
});
