/** With a person at the terminal: hidden prompts, questions, and the one time a secret is shown. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, type ScriptedServer, scriptedServer } from '../../client/test/scripted-server.ts';
import { credentialsPath } from '../src/credentials.ts';
import { run } from '../src/run.ts';
import { fakeTerminal } from './fake-terminal.ts';

const token = generate({ prefix: 'tsm', environment: 'live' });
const env = (): Record<string, string> => ({ TESSERA_URL: server.url, TESSERA_TOKEN: token, NO_COLOR: '1' });
let server: ScriptedServer;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const revoked = {
  id: 'tok_1',
  name: 'n',
  scopes: [],
  limits: [],
  quota: null,
  credits: null,
  ip: {},
  metadata: {},
  secrets: [],
  status: 'revoked',
};

describe('a question before what cannot be undone', () => {
  it.each([
    ['y\r', 0, 1],
    ['YES\r', 0, 1],
    ['n\r', 2, 0],
    ['\r', 2, 0],
    ['\u0003', 130, 0],
    ['\u0004', 130, 0],
  ])('answered %j ends with %i', async (typed, code, requests) => {
    server.script(json(200, revoked));
    const terminal = fakeTerminal(['token', 'revoke', 'tok_1', '--wait', '0'], { env: env() });
    terminal.type(typed);
    expect(await run(terminal.edge)).toBe(code);
    expect(server.received).toHaveLength(requests);
    expect(terminal.shown().stderr).toContain('Revoke token tok_1 for good? [y/N] ');
  });

  it('once revoked, an answer that makes no sense of who has heard is told, and is no failure', async () => {
    server.script(json(200, revoked));
    const terminal = fakeTerminal(['token', 'revoke', 'tok_1', '--yes'], { env: env() });
    expect(await run(terminal.edge)).toBe(0);
    expect(terminal.shown().stderr).toContain('How many nodes and verifiers have confirmed is not known: ');
  });

  it('is not asked with --yes, and is an error with --no-input', async () => {
    server.script(json(200, revoked));
    const yes = fakeTerminal(['token', 'revoke', 'tok_1', '--yes', '--wait', '0'], { env: env() });
    expect(await run(yes.edge)).toBe(0);
    const noInput = fakeTerminal(['token', 'revoke', 'tok_1', '--no-input'], { env: env() });
    expect(await run(noInput.edge)).toBe(2);
    expect(server.received).toHaveLength(1);
  });
});

describe('a hidden prompt', () => {
  it('login does not show what is typed', async () => {
    server.script(json(200, { items: [], nextCursor: null }));
    const homeDirectory = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
    const terminal = fakeTerminal(['login'], { env: { TESSERA_URL: server.url }, homeDirectory });
    terminal.type(`${token}\r`);
    expect(await run(terminal.edge)).toBe(0);
    const { stdout, stderr } = terminal.shown();
    expect(stderr).toContain('Management token (not shown): \n');
    expect(stdout + stderr).not.toContain(token.slice(9, 20));
    expect(await readFile(credentialsPath(terminal.edge), 'utf8')).toContain(token);
    await rm(homeDirectory, { recursive: true });
  });

  it('is not opened with --no-input', async () => {
    const terminal = fakeTerminal(['token', 'inspect', '--no-input']);
    expect(await run(terminal.edge)).toBe(2);
    expect(terminal.shown().stderr).toBe('error: Token is needed on stdin or from a file\n');
  });
});

describe('a mint', () => {
  const minted = { ...revoked, status: 'active', token: 'tsr_live_secret', expiresAt: null };

  it('shows the secret once on stdout, and says so on stderr', async () => {
    server.script(json(201, minted));
    const terminal = fakeTerminal(['token', 'create', '--name', 'n'], { env: env() });
    expect(await run(terminal.edge)).toBe(0);
    const { stdout, stderr } = terminal.shown();
    expect(stdout.split('tsr_live_secret')).toHaveLength(2);
    expect(stderr).toBe('Keep the token now: it will not be shown again.\n');
  });

  it('with --quiet is the secret alone', async () => {
    server.script(json(201, minted));
    const terminal = fakeTerminal(['token', 'create', '--name', 'n', '-q'], { env: env() });
    expect(await run(terminal.edge)).toBe(0);
    expect(terminal.shown()).toEqual({ stdout: 'tsr_live_secret\n', stderr: '' });
  });

  it('as env does not pose as the management token', async () => {
    server.script(json(201, minted));
    const terminal = fakeTerminal(['token', 'create', '--name', 'n', '-o', 'env'], { env: env() });
    expect(await run(terminal.edge)).toBe(0);
    expect(terminal.shown().stdout).toBe(
      'TESSERA_KEY=tsr_live_secret\nTESSERA_KEY_ID=tok_1\nTESSERA_KEY_EXPIRES_AT=\n',
    );
  });
});

it('plain HTTP to another machine is warned of', async () => {
  const terminal = fakeTerminal(['token', 'list', '--timeout', '1s'], {
    env: { TESSERA_URL: 'http://tessera.invalid', TESSERA_TOKEN: token },
    interrupted: AbortSignal.abort(new DOMException('interrupted', 'AbortError')),
  });
  expect(await run(terminal.edge)).toBe(130);
  expect(terminal.shown().stderr).toBe(
    'warning: http://tessera.invalid is plain HTTP; the token can be read on the way\n',
  );
});
