/** Which server, which token, what is sent, and how each failure ends, against a server that is told what to answer. */
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from '@tessera/token';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { json, problem, type ScriptedServer, scriptedServer } from '../../client/test/scripted-server.ts';
import { type Cli, makeCli } from './run-cli.ts';

const token = generate({ prefix: 'tsm', environment: 'live' });
const other = generate({ prefix: 'tsm', environment: 'live' });
let server: ScriptedServer;
let cli: Cli;
const sentToken = (): string | undefined => server.received[0]?.headers.authorization?.replace('Bearer ', '');

beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  cli = await makeCli({ TESSERA_URL: server.url });
  server.script(json(200, { items: [], nextCursor: null }));
  return () => cli[Symbol.asyncDispose]();
});

describe('the management token', () => {
  it('comes from an option before the environment, from the environment before the file of the login', async () => {
    const file = join(cli.home, 'token.txt');
    await writeFile(file, `${token}\n`);
    const list = ['token', 'list'];
    await cli.run(['--token', '-', ...list], { stdin: `${token}\n`, env: { TESSERA_TOKEN: other } });
    await cli.run(['--token-file', file, ...list], { env: { TESSERA_TOKEN: other } });
    await cli.run(list, { env: { TESSERA_TOKEN: token, TESSERA_TOKEN_FILE: '/nonexistent' } });
    await cli.run(list, { env: { TESSERA_TOKEN_FILE: file } });
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual(Array(4).fill(`Bearer ${token}`));
  });

  it('is asked for when there is none', async () => {
    const { code, stderr } = await cli.run(['token', 'list']);
    expect(code).toBe(3);
    expect(stderr).toBe(
      `error: no management token for ${server.url}\nRun \`tessera login\`, or set TESSERA_TOKEN or TESSERA_TOKEN_FILE.\n`,
    );
    expect(server.received).toEqual([]);
  });

  it('that cannot be sent is refused without repeating it', async () => {
    const { code, stderr } = await cli.run(['token', 'list'], { env: { TESSERA_TOKEN: `${token} x` } });
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'error: token must be printable ASCII without spaces\n' });
  });
});

describe('login', () => {
  const login = (stdin = token) => cli.run(['login'], { stdin });

  it('keeps the token in a file of the user alone, under XDG_CONFIG_HOME where that is set', async () => {
    expect(await login()).toMatchObject({ code: 0, stdout: `Signed in to ${server.url}.\n` });
    const path = join(cli.home, '.config', 'tessera', 'credentials');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      current: server.url,
      servers: { [server.url]: { token } },
    });

    const xdg = join(cli.home, 'xdg');
    await cli.run(['login'], { stdin: token, env: { XDG_CONFIG_HOME: xdg } });
    await expect(stat(join(xdg, 'tessera', 'credentials'))).resolves.toBeDefined();
  });

  it('is what later commands use, also without TESSERA_URL', async () => {
    await login();
    server.script(json(200, { items: [], nextCursor: null }));
    expect(await cli.run(['token', 'list'], { env: { TESSERA_URL: '' } })).toMatchObject({ code: 0 });
    expect(sentToken()).toBe(token);
  });

  it('never sends the token of one server to another', async () => {
    await login();
    await using elsewhere = await scriptedServer();
    const { code } = await cli.run(['--url', elsewhere.url, 'token', 'list']);
    expect(code).toBe(3);
    expect(elsewhere.received).toEqual([]);
  });

  it('keeps nothing that the server refuses', async () => {
    server.script(problem(401, { code: 'invalid_token', title: 'Not signed in' }));
    expect(await login()).toMatchObject({ code: 3, stdout: '' });
    await expect(stat(join(cli.home, '.config', 'tessera', 'credentials'))).rejects.toThrow('ENOENT');
  });

  it('takes a token of few scopes', async () => {
    server.script(problem(403, { code: 'insufficient_scope', title: 'No' }));
    expect(await login()).toMatchObject({ code: 0 });
  });

  it('refuses a file that others may read, and one that is damaged', async () => {
    await login();
    const path = join(cli.home, '.config', 'tessera', 'credentials');
    await chmod(path, 0o640);
    const wide = await cli.run(['token', 'list']);
    expect(wide).toMatchObject({ code: 2, stderr: `error: ${path} can be read by others\nRun: chmod 600 ${path}\n` });
    await chmod(path, 0o600);
    await writeFile(path, `{"current":null,"servers":{"x":"${token}"}}`);
    const damaged = await cli.run(['token', 'list']);
    expect(damaged).toMatchObject({ code: 2 });
    expect(damaged.stderr).toContain(`error: ${path} is damaged`);
    expect(damaged.stderr).not.toContain(token);
  });

  it('logout forgets it', async () => {
    await login();
    expect(await cli.run(['logout'])).toMatchObject({ code: 0, stdout: `Signed out of ${server.url}.\n` });
    await expect(stat(join(cli.home, '.config', 'tessera', 'credentials'))).rejects.toThrow('ENOENT');
    expect(await cli.run(['token', 'list'])).toMatchObject({ code: 3 });
    expect(await cli.run(['logout'])).toMatchObject({ code: 0, stdout: `Not signed in to ${server.url}.\n` });
  });

  it('a directory in its place is told, not a crash', async () => {
    await mkdir(join(cli.home, '.config', 'tessera', 'credentials'), { recursive: true, mode: 0o700 });
    const { code, stderr } = await cli.run(['token', 'list']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'error: EISDIR: illegal operation on a directory, read\n' });
  });
});

describe('exit codes', () => {
  const signedIn = { env: { TESSERA_TOKEN: token } };
  it.each([
    [400, 2],
    [401, 3],
    [403, 4],
    [404, 5],
    [409, 6],
    [412, 6],
    [413, 2],
    [422, 2],
    [429, 7],
    [500, 8],
  ])('%i ends with %i and says the problem', async (status, code) => {
    server.script(
      problem(
        status,
        {
          code: 'some_code',
          title: 'A title',
          detail: `a \u001b[31mdetail`,
          requestId: 'req_7',
          errors: [{ pointer: '/name', detail: 'is bad', code: 'x' }],
        },
        { 'retry-after': '60' },
      ),
    );
    const ran = await cli.run(['token', 'update', 'tok_1', '--name', 'n'], signedIn);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
    expect(ran.stderr).toContain('error: A title: a \\u001b[31mdetail\n  /name: is bad\n');
    expect(ran.stderr).toContain('  code some_code, request req_7\n');
  });

  it('a 404 that says nothing is mostly the gateway', async () => {
    server.script(problem(404, { code: 'not_found', title: 'Not found' }));
    const { stderr } = await cli.run(['token', 'list'], signedIn);
    expect(stderr).toContain('Is this the gateway? --url or TESSERA_URL must name the platform');
    server.script(problem(404, { code: 'not_found', title: 'Not found', detail: 'no such token' }));
    const told = await cli.run(['token', 'show', 'tok_01k3zq4v8e7m'], signedIn);
    expect(told).toMatchObject({ code: 5, stderr: 'error: Not found: no such token\n' });
  });

  it('a server that is not there is 8', async () => {
    const gone = await scriptedServer();
    await gone[Symbol.asyncDispose]();
    const { code, stderr } = await cli.run(['token', 'update', 'tok_1', '--name', 'n'], {
      env: { TESSERA_TOKEN: token, TESSERA_URL: gone.url },
    });
    expect(code).toBe(8);
    expect(stderr).toBe(
      `error: Could not reach ${gone.url}: ECONNREFUSED\nIs the server running? \`tessera start\` starts one; --url or TESSERA_URL names another.\n`,
    );
  });

  it('a server that does not answer in time is 8', async () => {
    server.script(() => undefined);
    const ran = await cli.run(['--timeout', '1s', 'token', 'list'], signedIn);
    expect(ran).toMatchObject({ code: 8, stderr: 'error: No answer within 1000 milliseconds\n' });
  });

  it('an interruption is 130, silently', async () => {
    const asked = Promise.withResolvers<void>();
    server.script(() => asked.resolve());
    const child = cli.start(['token', 'list'], signedIn);
    let complaints = '';
    child.stderr.on('data', (chunk) => {
      complaints += String(chunk);
    });
    await asked.promise;
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect({ code, complaints }).toEqual({ code: 130, complaints: '' });
  });
});

describe('what is sent', () => {
  it('the workspace, and all that the flags of a mint say', async () => {
    server.script(json(201, {}));
    await cli.run(
      [
        ...[
          '--workspace',
          'ws_1',
          'token',
          'create',
          '--name',
          'n',
          '--scope',
          'a',
          '--scope',
          'b c',
          '--expires',
          'never',
        ],
        ...[
          '--limit',
          'x=5/1m',
          '--limit',
          '9/1h',
          '--quota',
          '7/day',
          '--allow',
          '10.0.0.0/8',
          '--deny',
          '10.1.0.0/16',
        ],
        ...['--meta', 'k=v', '--api', 'https://a', '--owner', 'own_1', '--env', 'test', '--kind', 'api_key'],
        ...['--idempotency-key', 'key-1', '--not-before', '2030-01-01'],
      ],
      { env: { TESSERA_TOKEN: token } },
    );
    const [sent] = server.received;
    expect(sent?.headers).toMatchObject({ 'tessera-workspace': 'ws_1', 'idempotency-key': 'key-1' });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      name: 'n',
      scopes: ['a', 'b', 'c'],
      expiresIn: 'never',
      limits: [
        { name: 'x', limit: 5, window: 60 },
        { limit: 9, window: 3600 },
      ],
      quota: { limit: 7, period: 'day' },
      ip: { allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] },
      metadata: { k: 'v' },
      api: 'https://a',
      owner: 'own_1',
      env: 'test',
      kind: 'api_key',
      notBefore: '2030-01-01T00:00:00.000Z',
    });
  });

  it('an import of 250 tokens goes in three parts, and says how far it came', async () => {
    const items = Array.from({ length: 250 }, (_, at) => `{"name":"n${at}"}`);
    server.script(
      json(201, { items: [] }),
      json(201, { items: [] }),
      problem(409, { code: 'conflict', title: 'Taken' }),
    );
    const { code, stderr } = await cli.run(['token', 'import', '-'], {
      stdin: items.join('\n'),
      env: { TESSERA_TOKEN: token },
    });
    expect(server.received.map(({ body }) => JSON.parse(body).items.length)).toEqual([100, 100, 50]);
    expect(code).toBe(6);
    expect(stderr).toContain('The first 200 tokens were imported; this hundred and what follows were not.\n');
  });

  it('--all follows every page; without it the rest is announced', async () => {
    const page = (id: string, nextCursor: string | null) => json(200, { items: [{ id, roles: [] }], nextCursor });
    server.script(page('own_1', 'c1'), page('own_2', null));
    const all = await cli.run(['owner', 'list', '--all', '--quiet'], { env: { TESSERA_TOKEN: token } });
    expect(all).toMatchObject({ code: 0, stdout: 'own_1\nown_2\n', stderr: '' });
    server.script(page('own_1', 'c1'));
    const first = await cli.run(['owner', 'list'], { env: { TESSERA_TOKEN: token } });
    expect(first.stderr).toBe('There are more: --all, or --cursor c1\n');
  });
});
