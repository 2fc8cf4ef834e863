/** `tessera token inspect`: says what a text is without telling anybody, and never shows what is secret. */
import { Buffer } from 'node:buffer';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { generate } from '@tessera/token';
import { MAX_SIGNED_LENGTH } from '@tessera/token/inspect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64url, CLAIMS, signedBy, signedText, signing } from '../../token/test/support/signed-texts.ts';
import { MAX_SIGNED_LENGTH as MAX_JUDGED_LENGTH } from '../../verify/src/validation.ts';
import { type Cli, makeCli } from './run-cli.ts';

const key = signing('ES256', 'key_1');
const SECONDS = Math.floor(Date.now() / 1000);
const TIMES = { iat: SECONDS - 60, exp: SECONDS + 3600 };
const SIGNED = signedBy(key, {}, { ...CLAIMS, ...TIMES });
const TOKEN = generate({ prefix: 'tsr', environment: 'live' });

let cli: Cli;
beforeAll(async () => {
  cli = await makeCli();
  await writeFile(join(cli.home, 'keys.json'), JSON.stringify({ keys: [key.jwk] }));
  await writeFile(join(cli.home, 'other.json'), JSON.stringify({ keys: [signing('ES256', 'key_1').jwk] }));
});
afterAll(() => cli[Symbol.asyncDispose]());

const inspect = (stdin: string, ...args: string[]) => cli.run(['token', 'inspect', ...args], { stdin });

describe('a signed token', () => {
  it('is told in words, and that its signature was not checked', async () => {
    const { code, stdout, stderr } = await inspect(`Bearer ${SIGNED}\n`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').map((line) => line.replace(/ {2,}/, ': '));
    expect(lines).toContain('this is: a signed access token (RFC 9068)');
    expect(lines).toContain('read without: scheme');
    expect(lines).toContain('signature: NOT checked');
    expect(lines).toContain('note: the signature was NOT checked: anybody could have written this');
    expect(lines).toContain('problems: none that can be seen offline');
    expect(stdout).toMatch(/^expires +\S+Z \(in (?:1 hour|59 minutes)\)$/m);
    expect(stdout).not.toContain(SIGNED.split('.')[2]);
  });

  it('is told as JSON with stable members', async () => {
    const { code, stdout } = await inspect(SIGNED, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { readonly details: object };
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining(['kind', 'description', 'ok', 'fingerprint', 'around', 'findings', 'details']),
    );
    expect(Object.keys(report.details)).toEqual(['header', 'claims', 'times', 'words', 'isOwn', 'signature']);
    expect(report).toMatchObject({ kind: 'jws', ok: true, details: { claims: { sub: CLAIMS.sub } } });
  });

  it('is checked by the keys of a file', async () => {
    expect((await inspect(SIGNED, '--jwks', 'keys.json')).stdout).toMatch(/^signature +valid, by the key key_1$/m);
    const refused = await inspect(SIGNED, '--jwks', 'other.json', '--quiet');
    expect(refused).toMatchObject({ code: 1, stdout: 'signature_invalid\n' });
    for (const [file, message] of [
      ['-', 'error: the keys are read from a file; stdin holds the token\n'],
      ['absent.json', 'error: cannot read absent.json (ENOENT)\n'],
    ] as const)
      expect(await inspect(SIGNED, '--jwks', file)).toMatchObject({ code: 2, stderr: message });
    await writeFile(join(cli.home, 'none.json'), '{}');
    expect(await inspect(SIGNED, '--jwks', 'none.json')).toMatchObject({
      code: 2,
      stderr: 'error: none.json holds no key set (JWKS) and no key (JWK)\n',
    });
  });

  it('cannot give the terminal orders', async () => {
    const evil = '\u001b]0;x\u0007\u202e\n\u2028';
    const header = { alg: evil, kid: evil, typ: 'at+jwt' };
    for (const args of [[], ['--json']]) {
      const { stdout } = await inspect(
        signedText({ header, claims: { ...CLAIMS, sub: evil, tsr: { name: evil } } }),
        ...args,
      );
      for (const order of ['\u001b', '\u0007', '\u202e', '\u2028']) expect(stdout).not.toContain(order);
    }
  });
});

it('is read from a hidden prompt, stdin or a file, and never from the command line', async () => {
  await writeFile(join(cli.home, 'token.txt'), TOKEN);
  expect(await cli.run(['token', 'inspect', '--key-file', 'token.txt'])).toMatchObject({ code: 0 });
  expect(await inspect(TOKEN, '-')).toMatchObject({ code: 0 });
  expect((await cli.run(['token', 'inspect', SIGNED])).stderr).toMatch(
    /^error: a token is not taken from the command line/,
  );
});

it('reads what is longer than any token, and garbage', async () => {
  const long = signedText({ claims: { ...CLAIMS, ...TIMES, note: 'x'.repeat(75_000) } });
  expect(long.length).toBeGreaterThan(100_000);
  expect(await inspect(long, '--quiet')).toMatchObject({ code: 1, stdout: 'oversize\n' });
  const shown = await inspect(long);
  expect(shown.stdout.length).toBeLessThan(6000);
  expect(shown.stdout).toContain('… (--json shows all)');
  for (const garbage of ['\u0000\u0001\u0002', '....', '{{{{', '='.repeat(1000), '\u{1f600}', 'eyJ.eyJ.eyJ'])
    expect(await inspect(garbage)).toMatchObject({ code: 1, stderr: '' });
});

it('accepts the length that verdicts accept', () => {
  expect(MAX_SIGNED_LENGTH).toBe(MAX_JUDGED_LENGTH);
});

it('shows neither what it does not know nor a private key', async () => {
  const secret = Buffer.alloc(30, 'hunter2').toString('base64url');
  for (const [text, code] of [
    [secret, 'not_a_token'],
    [JSON.stringify({ ...key.jwk, d: secret }), 'private_key'],
    [`-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`, 'private_key'],
  ] as const) {
    for (const args of [[], ['--json'], ['--quiet']]) {
      const { stdout, code: exit } = await inspect(text, ...args);
      expect(stdout).not.toContain(secret.slice(0, 12));
      expect(exit).toBe(1);
      if (args[0] !== undefined) expect(stdout).toContain(code);
    }
  }
});

it('opens no socket, asks no name and loads nothing that could', async () => {
  const watch = fileURLToPath(new URL('./watch-network.ts', import.meta.url));
  const withWatch = { NODE_OPTIONS: `--import=${pathToFileURL(watch).href}` };
  const hostile = signedText({
    header: { alg: 'RS256', kid: 'http://127.0.0.1:9/', jku: 'http://127.0.0.1:9/', x5u: 'http://127.0.0.1:9/' },
    claims: { ...CLAIMS, iss: 'http://127.0.0.1:9/' },
  });
  for (const stdin of [TOKEN, hostile, base64url('x')]) {
    const { stderr } = await cli.run(['token', 'inspect', '--jwks', 'keys.json'], { stdin, env: withWatch });
    expect(stderr).toBe('[watch-network] none\n');
  }
  // The watch sees what it should: a command that does call a server.
  const { stderr } = await cli.run(['token', 'verify', '--url', 'http://127.0.0.1:9'], {
    stdin: TOKEN,
    env: { ...withWatch, TESSERA_TOKEN: TOKEN },
  });
  expect(stderr).toMatch(/\[watch-network\] .*fetch/);
});
