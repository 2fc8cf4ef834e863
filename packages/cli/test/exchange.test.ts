/** `tessera token exchange` against the real server: it needs the token alone, and never says it. */
import { Buffer } from 'node:buffer';
import { generate } from '@tessera/token';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { caller } from '../../../test/support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from '../../../test/support/server.ts';
import { type Cli, makeCli, type Ran } from './run-cli.ts';

let cli: Cli;
let server: Server;
beforeAll(async () => {
  server = await startServer();
  cli = await makeCli({ TESSERA_URL: server.url });
}, STARTS_MS);
afterAll(async () => {
  await endServers();
  await cli[Symbol.asyncDispose]();
});

const exchange = (stdin: string, ...flags: string[]): Promise<Ran> =>
  cli.run(['token', 'exchange', ...flags], { stdin });

it('gives a short token that may do less, and dies with the one that it came from', async () => {
  const admin = caller(server, server.rootToken);
  const { id, token } = await admin.mint({ scopes: ['a', 'b'] });
  const quiet = await exchange(token, '--scope', 'a', '--expires', '5m', '--audience', 'default', '--quiet');
  expect(quiet).toMatchObject({ code: 0, stderr: '' });
  const short = quiet.stdout.trimEnd();
  expect(claimsIn(short)).toMatchObject({ scope: 'a', tsr: { up: [id] } });
  const { exp, iat } = claimsIn(short);
  expect(Number(exp) - Number(iat)).toBe(300);

  const told = await exchange(`${token}\n`, '--opaque', '--json');
  expect(told.stderr).toBe('Keep the token now: it will not be shown again.\n');
  const opaque = JSON.parse(told.stdout) as { readonly token: string };
  expect(opaque).toMatchObject({ type: 'Bearer', format: 'opaque', scopes: ['a', 'b'] });
  expect(opaque.token).toMatch(/^tsr_live_/);

  const shown = /^token +(eyJ\S+)\ntype +Bearer\nformat +jwt\nscopes +a\nexpires +(\S+)\n$/;
  const [, text = '', expires = ''] = shown.exec((await exchange(short)).stdout) ?? [];
  expect(claimsIn(text)).toMatchObject({ scope: 'a', tsr: { up: [expect.any(String), id] } });
  expect(Date.parse(expires)).toBeGreaterThan(Date.now());
  expect(Date.parse(expires)).toBeLessThanOrEqual(Number(exp) * 1000);

  await admin.do('tokens.revoke', { id });
  for (const one of [short, opaque.token, text]) expect((await admin.verify(one)).code).toBe('revoked');
});

it('a refusal is told with its code and exit code 2, and never with the token', async () => {
  const { token } = await caller(server, server.rootToken).mint({ scopes: ['a'] });
  const wider = await exchange(token, '--scope', 'b');
  expect(wider).toMatchObject({ code: 2, stdout: '' });
  expect(wider.stderr).toMatch(/^error: the token does not hold this scope\n {2}code invalid_scope, request \S+\n$/);
  const unknown = await exchange(generate({ prefix: 'tsr', environment: 'live' }));
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toMatch(/^error: subject_token: .+\n {2}code invalid_request, request \S+\n$/);
});

it.each<[string[], string]>([
  [['--scope', ' '], 'Give the name of a scope.'],
  [['--expires', 'never'], 'Give seconds or a duration'],
  [['--token', '-'], 'error: stdin cannot hold both tokens'],
])('%j is refused before anything is sent', async (flags, words) => {
  const { code, stdout, stderr } = await exchange('x', '--url', 'http://127.0.0.1:1', ...flags);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(words);
});

it('a token on the command line is refused, and not repeated', async () => {
  const token = generate({ prefix: 'tsr', environment: 'live' });
  const ran = await exchange('', token);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('a token is not taken from the command line');
  expect(ran.stderr).not.toContain(token);
});

function claimsIn(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}
