/** The README's five minutes work, command by command, as they are written. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'tessera-readme-'));
let server: ChildProcess;
let banner = '';

/** The ports are those in the README, and somebody else's run of this test may have them. */
const PATIENCE_MS = 90_000;
const PAUSE_MS = 500;

beforeAll(async () => {
  const deadline = performance.now() + PATIENCE_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(join(folder, `data-${attempt}`));
    } catch (error) {
      if (!String(error).includes('EADDRINUSE') || performance.now() > deadline) throw error;
      await delay(PAUSE_MS);
    }
  }
});

/** `npm ci` ran before this test could: what is left of the first command is `npm start`. */
async function start(data: string): Promise<void> {
  banner = '';
  server = spawn('npm', ['start'], { cwd: root, detached: true, env: { ...process.env, TESSERA_DATA: data } });
  let errors = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await new Promise<void>((done, failed) => {
    server.stdout?.on('data', (chunk: Buffer) => {
      banner += chunk.toString();
      if (/tsm_live_\w{49}\n/.test(banner)) done();
    });
    // `close`, not `exit`: what it printed last is here then.
    server.once('close', () => failed(new Error(`npm start ended: ${banner}${errors}`)));
  });
}

afterAll(async () => {
  if (server.pid !== undefined && server.exitCode === null) {
    process.kill(-server.pid, 'SIGTERM');
    await once(server, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

test('the first screen has exactly two commands: one starts, one tests', () => {
  const firstScreen = readme.slice(0, readme.indexOf('## Five minutes'));
  expect(blocksOf(firstScreen)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
});

test('the first start tells where it listens and shows an administrator token once', () => {
  expect(banner).toMatch(/platform\s+http:\/\/127\.0\.0\.1:8420/);
  expect(banner).toMatch(/gateway\s+http:\/\/127\.0\.0\.1:8421/);
  expect(banner.match(/tsm_live_\w{49}/g)).toHaveLength(1);
});

test('mint, call, limit, ask, revoke, look back', async () => {
  const token = /tsm_live_\w{49}/.exec(banner)?.[0] ?? '';
  const section = readme.slice(readme.indexOf('## Five minutes'), readme.indexOf('## In front of your own service'));
  const [connect = '', mint = '', call = '', limit = '', ask = '', revoke = '', audit = ''] = blocksOf(section);
  expect(blocksOf(section)).toHaveLength(7);
  const outputs = await inOneShell([
    connect.replace('<the administrator token>', token),
    mint,
    call,
    limit,
    ask,
    revoke,
    audit,
  ]);
  const [connected, minted, called, limited, asked, revoked, audited] = outputs;

  expect(connected).toBe('');
  expect(minted).toBe('');
  expect(called).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(called).toMatch(/"path":"\/echo\/orders"/);
  expect(called).toMatch(/"x-tessera-token-id":"tok_/);
  expect(called).not.toMatch(/authorization|tsr_live_\w{49}/i);
  expect(limited).toBe('200\n200\n429\n');
  expect(asked).toContain('insufficient_scope');
  expect(asked).toContain('refused, exit code 1');
  expect(revoked).toMatch(/status\s+revoked/);
  expect(revoked).toMatch(/HTTP\/1\.1 401 Unauthorized/);
  expect(revoked).toContain('"code":"invalid_token"');
  expect(audited).toMatch(/token\.revoke/);
  expect(audited).toMatch(/ok\s+yes/);
}, 60_000);

function blocksOf(text: string): string[] {
  return [...text.matchAll(/```sh\n([\s\S]*?)\n```/g)].map(([, block = '']) => block);
}

/** Runs the blocks in one shell, as one would type them, and returns what each printed on either stream. */
async function inOneShell(blocks: readonly string[]): Promise<string[]> {
  const mark = '----- end of block -----';
  const shell = spawn('bash', ['-s'], { cwd: root, env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder } });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  shell.stdin.end(`exec 2>&1\n${blocks.map((block) => `${block}\necho '${mark}'\n`).join('')}`);
  await once(shell, 'close');
  return output.split(`${mark}\n`).slice(0, -1);
}
