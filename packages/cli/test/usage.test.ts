/** The command without a server: help, usage errors, and that a token on the command line is never repeated. */
import { once } from 'node:events';
import { generate, parse } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, makeCli } from './run-cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await makeCli();
});
afterAll(() => cli[Symbol.asyncDispose]());

describe('help', () => {
  it('starts with examples and tells exit codes and variables', async () => {
    const { code, stdout, stderr } = await cli.run(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Examples:\n {2}\$ tessera /);
    expect(stdout).toContain('  7    too many requests; try again later\n');
    expect(stdout).toContain('TESSERA_TOKEN_FILE');
  });

  it('of a command starts with its examples and shows what every command takes', async () => {
    const { code, stdout } = await cli.run(['token', 'create', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Examples:\n {2}\$ tessera token create /);
    expect(stdout).toContain('--expires <when>');
    expect(stdout).toContain('Global Options:');
  });

  it('is told on stderr when no command is given', async () => {
    const { code, stdout, stderr } = await cli.run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: tessera [options] [command]');
  });

  it('the version is data', async () => {
    expect(await cli.run(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });
});

describe('a wrong command line ends with 2, and says how to go on', () => {
  it.each<[string[], string]>([
    [['tokn'], "error: unknown command 'tokn'\n(Did you mean token?)\n"],
    [['token', 'crate'], "error: unknown command 'crate'\n(Did you mean create?)\n"],
    [['token', 'list', '--statu', 'x'], "error: unknown option '--statu'\n(Did you mean --status?)\n"],
    [['token', 'create'], "error: required option '--name <name>' not specified\n"],
    [
      ['token', 'create', '--name', 'x', '--expires', 'soon'],
      'Give a duration such as 30d, a date such as 2030-01-31, or never.',
    ],
    [
      ['token', 'create', '--name', 'x', '--limit', '5'],
      'Write it as 100/60s, api=100/1m, or 100/1m,burst=20,cost=5,mode=approximate,onFault=open.',
    ],
    [['token', 'show', 'x'], 'Give an id such as tok_01k3zq4v8e7m.'],
    [['token', 'list', '-o', 'yaml'], 'Allowed choices are table, json, ndjson, env.'],
    [['token', 'list', '--json', '-o', 'env'], 'error: --json and -o env contradict each other\n'],
    [['token', 'update', 'tok_1'], 'error: nothing to change\n'],
    [['--token', '-', '--token-file', 'f', 'token', 'list'], 'error: --token and --token-file contradict each other\n'],
    [['--url', 'nonsense', 'token', 'list'], 'error: the server must be an http or https URL\n'],
    [['--token-file', 'absent', 'token', 'list'], 'error: cannot read absent (ENOENT)\n'],
    [['generate', '--prefix', 'A'], 'Give 2 to 16 lower-case letters or digits.'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish, powershell.'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await cli.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('what cannot be undone needs --yes where nobody can be asked', async () => {
    for (const args of [
      ['token', 'revoke'],
      ['api', 'delete'],
      ['owner', 'delete'],
      ['role', 'delete'],
      ['workspace', 'delete'],
    ]) {
      const { code, stderr } = await cli.run([...args, 'tok_1']);
      expect(code).toBe(2);
      expect(stderr).toBe('error: this cannot be undone and nobody can be asked\nGive --yes to go on.\n');
    }
  });
});

describe('a token on the command line', () => {
  const token = generate({ prefix: 'tsr', environment: 'live' });
  it.each<[string[]]>([
    [['token', 'verify', token]],
    [['token', 'inspect', token]],
    [['token', 'show', token]],
    [['token', 'create', token, '--name', 'x', token]],
    [['--token', token, 'token', 'list']],
    [[`--token=${token}`, 'token', 'list']],
    [['--token-file', token, 'token', 'list']],
    [[token]],
    [[`--${token}`]],
    [['token', 'create', '--name', 'x', '--scope', token, '--limit', token]],
  ])('%# is refused and not repeated', async (args) => {
    const { code, stdout, stderr } = await cli.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toContain(token);
    expect(stderr).not.toContain(token.slice(20));
    expect(stderr).not.toBe('');
  });

  it('is told to be rotated, also when it is one of another system', async () => {
    const { stderr } = await cli.run(['token', 'verify', 'sk_live_51HxSecret']);
    expect(stderr).toBe(
      'error: a token is not taken from the command line, where other processes see it\n' +
        'Give it on stdin or with --key-file, and rotate this one: it is in the history of your shell now.\n',
    );
  });
});

describe('offline', () => {
  it('generate prints one well-formed token and nothing else', async () => {
    const { code, stdout, stderr } = await cli.run(['generate', '--prefix', 'acme', '--env', 'test']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parse(stdout.trimEnd())).toMatchObject({ prefix: 'acme', environment: 'test' });
    expect(stdout).toMatch(/^\S+\n$/);
  });

  it('inspect answers for a token of any spelling of the line break', async () => {
    const token = generate({ prefix: 'tsr', environment: 'live' });
    for (const stdin of [token, `${token}\n`, `${token}\r\n`]) {
      const { code, stdout } = await cli.run(['token', 'inspect', '--json'], { stdin });
      expect(code).toBe(0);
      const details = { wellFormed: true, prefix: 'tsr', hint: token.slice(-4) };
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'opaque', ok: true, details });
      expect(stdout).not.toContain(token);
    }
  });

  it.each([
    ['nonsense', 'not_a_token'],
    ['tsr_live_0123456789abcdef', 'token_length'],
    [' ', 'empty'],
  ])('inspect says no to %j', async (stdin, finding) => {
    expect(await cli.run(['token', 'inspect', '--quiet'], { stdin })).toMatchObject({
      code: 1,
      stdout: `${finding}\n`,
    });
  });

  it('inspect refuses nothing, too much, and what is no text', async () => {
    expect(await cli.run(['token', 'inspect'])).toMatchObject({ code: 2, stderr: 'error: Token is empty\n' });
    expect(await cli.run(['token', 'inspect'], { stdin: 'x'.repeat(1_048_577) })).toMatchObject({
      code: 2,
      stderr: 'error: the input is longer than 1048576 bytes\n',
    });
  });

  it.each(['bash', 'zsh', 'fish', 'powershell'])('completion prints a script for %s', async (shell) => {
    const { code, stdout } = await cli.run(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/tessera['"]? complete/);
  });

  it('completion knows commands and options', async () => {
    const { stdout } = await cli.run(['complete', '--', 'token', 're']);
    expect(stdout).toMatch(/^revoke\t/m);
    const options = await cli.run(['complete', '--', 'token', 'create', '--sc']);
    expect(options.stdout).toMatch(/^--scope\t/m);
  });
});

it('a reader that went away is no error', async () => {
  const child = cli.start(['--help']);
  child.stdout.destroy();
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  const [code] = await once(child, 'close');
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
});
