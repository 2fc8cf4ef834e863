/** A configuration that is wrong starts nothing: it says what and where, and repeats no value. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { call } from './support/call.ts';
import { certificates } from './support/certificates.ts';
import {
  endServers,
  newRootToken,
  runToEnd,
  STARTS_MS,
  startServer,
  temporaryFolder,
  writeConfig,
} from './support/server.ts';

const SECRET = 'correct-horse-battery-staple';
const key = () => randomBytes(32).toString('hex');

const authority = certificates();
afterAll(endServers);
afterAll(authority.remove);

describe('a start is refused', { timeout: STARTS_MS }, () => {
  type Ended = Awaited<ReturnType<typeof runToEnd>>;
  const startWith = (env: Record<string, string>): Promise<Ended> =>
    runToEnd(['start'], {
      TESSERA_DATA: temporaryFolder(),
      TESSERA_PORT: '0',
      TESSERA_GATEWAY_PORT: '0',
      ...env,
    });
  /** Exit code 2: the configuration is wrong; 8: it does not fit what is there. */
  const expectRefused = ({ code, stdout, stderr }: Ended, message: RegExp, expected: 2 | 8): void => {
    expect(code, stdout).toBe(expected);
    expect(stderr).toMatch(message);
    expect(stdout + stderr).not.toContain(SECRET);
  };
  const refused = async (env: Record<string, string>, message: RegExp, expected: 2 | 8 = 8): Promise<void> =>
    expectRefused(await startWith(env), message, expected);
  const file = (text: string): Record<string, string> => ({ TESSERA_CONFIG: writeConfig(temporaryFolder(), text) });

  describe('with everything that is wrong in the environment, at once', () => {
    let run: Promise<Ended> | undefined;
    const wrong = {
      TESSERA_PORT: SECRET,
      TESSERA_ROOT_TOKEN: `${SECRET}x`,
      TESSERA_GATEWAY_PORT: '',
      TESSERA_MASTER_KEY: '0'.repeat(62),
      TESSERA_DATABASE_URL: `mysql://u:${SECRET}@h/d`,
    };
    it.each([
      ['a port that is none', /^TESSERA_PORT: must be a whole number from 0 to 65535$/m],
      ['a root token that is none', /^TESSERA_ROOT_TOKEN: .*well-formed token/m],
      ['a variable that failed to expand', /^TESSERA_GATEWAY_PORT: is set but empty/m],
      ['a key of 31 bytes', /^TESSERA_MASTER_KEY: .*32 bytes/m],
      ['a database of another kind', /^TESSERA_DATABASE_URL: /m],
    ])('%s', async (_what, message) => {
      run ??= startWith(wrong);
      expectRefused(await run, message, 2);
    });
  });

  describe('with everything that is wrong in the file, at once and by its line', () => {
    let run: Promise<Ended> | undefined;
    const text = [
      'rate_limti: 5',
      'gatewayPrt: 5',
      `rootToken: ${SECRET}`,
      'routes:',
      '  - { name: a, upstream: "http://127.0.0.1:1", match: { path: "^(a+)+$" } }',
      '  - { name: b, upstream: "http://127.0.0.1:1", match: { pth: /a } }',
    ].join('\n');
    it.each([
      ['an unknown setting', /tessera\.yaml:1:1 rate_limti: unknown setting "rate_limti"/],
      ['a misspelled one', /tessera\.yaml:2:1 .*did you mean "gatewayPort"\?/],
      ['a secret that is none', /tessera\.yaml:3:\d+ rootToken: .*well-formed token/],
      ['a pattern in a path', /tessera\.yaml:5:\d+ routes\[0\]\.match\.path: must be a path such as/],
      ['a misspelled member of a route', /tessera\.yaml:6:\d+ routes\[1\].*did you mean "path"\?/],
    ])('%s', async (_what, message) => {
      run ??= startWith(file(text));
      expectRefused(await run, message, 2);
    });
  });

  it.each([
    ['a key twice', 'port: 1\nport: 2\n', /tessera\.yaml:2:1: repeats the key "port" of line 1/],
    [
      'a YAML bomb',
      `a: &a [x, x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nroutes: *c\n`,
      /tessera\.yaml:\d+:\d+.*alias/i,
    ],
  ])('with %s in the file', async (_what, text, message) => {
    await refused(file(text), message, 2);
  });

  it.each([
    ['a secret whose file is missing', { TESSERA_MASTER_KEY_FILE: '/nowhere' }, /^TESSERA_MASTER_KEY_FILE: the file/m],
    ['every proxy trusted', { TESSERA_TRUSTED_PROXIES: '0.0.0.0/0' }, /^TESSERA_TRUSTED_PROXIES.*: .*trustEveryProxy/m],
    ['a file that is not there', { TESSERA_CONFIG: '/nowhere/tessera.yaml' }, /\/nowhere\/tessera\.yaml/],
  ])('with %s', async (_what, env, message) => {
    await refused(env, message, 2);
  });

  it('with a master key that is not the one of the store', async () => {
    const data = temporaryFolder();
    const root = newRootToken();
    const server = await startServer({ data, rootToken: root, env: { TESSERA_MASTER_KEY: key() } });
    await server.stop();
    const message = /the master key is not the one this store was made with/;
    await refused({ TESSERA_DATA: data, TESSERA_ROOT_TOKEN: root, TESSERA_MASTER_KEY: key() }, message);
    await refused({ TESSERA_DATA: data, TESSERA_ROOT_TOKEN: root }, message);
  });

  it('with a key file that others can read, or that holds no key', async () => {
    const data = join(temporaryFolder(), 'data');
    mkdirSync(data, { mode: 0o700 });
    const path = join(data, 'master.key');
    writeFileSync(path, `${key()}\n`);
    chmodSync(path, 0o644);
    await refused({ TESSERA_DATA: data }, /master\.key can be read by others: chmod 600 it/);
    writeFileSync(path, `${SECRET}\n`);
    chmodSync(path, 0o600);
    await refused({ TESSERA_DATA: data }, /master\.key does not hold 32 bytes in hex/);
  });

  it('with a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await refused({ TESSERA_PORT: String(port) }, new RegExp(`EADDRINUSE.*${port}`));
    taken.close();
  });
});

describe('what `config check` calls valid can start', { timeout: STARTS_MS }, () => {
  const check = (text: string, env: Record<string, string> = {}) =>
    runToEnd(['config', 'check'], { TESSERA_CONFIG: writeConfig(temporaryFolder(), text), ...env });
  const tls = (certificate: string, privateKey: string): string =>
    `gatewayTlsPort: 0\ntlsCertificate: ${certificate}\ntlsKey: ${privateKey}\n`;

  it('a certificate and a key that are there, in good order', async () => {
    const { certificate, key: privateKey } = authority.server(['localhost']);
    const { code, stderr, stdout } = await check(tls(certificate, privateKey));
    expect([code, stdout + stderr]).toEqual([0, 'the configuration is valid; routes: 0\n']);
  });

  it.each([
    [
      'a certificate that is not there',
      () => tls('/nowhere/a.pem', '/nowhere/a.key'),
      /:2:1 tlsCertificate: \/nowhere\/a\.pem does not exist$/,
    ],
    [
      'a key that is not the one of the certificate',
      () => tls(authority.server(['a']).certificate, authority.server(['b']).key),
      /:3:1 tlsKey: \S+ is not the key of \S+$/,
    ],
    [
      'an authority of Redis that is none',
      () => `redisCa: ${authority.server(['a']).key}\nredisUrl: rediss://localhost\n`,
      /:1:1 redisCa: \S+ is not valid PEM that can be used here/,
    ],
    [
      'a signing key that is not there',
      () => 'assertionKey: /nowhere/k.pem\n',
      /:1:1 assertionKey: \/nowhere\/k\.pem does not exist$/,
    ],
    [
      'a signing key of another kind',
      () => `assertionKey: ${authority.server(['a']).key}\n`,
      /:1:1 assertionKey: \S+ does not hold an Ed25519 private key/,
    ],
  ])('but not %s', async (_what, text, message) => {
    const { code, stdout, stderr } = await check(text());
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trim()).toMatch(message);
    expect(stderr).not.toContain('is valid');
  });

  it('says so where a setting of the environment is wrong, and where there is no file', async () => {
    const wrong = await check('routes: []\n', { TESSERA_ASSERTION_KEY: '/nowhere/k.pem' });
    expect(wrong.stderr).toBe('TESSERA_ASSERTION_KEY: /nowhere/k.pem does not exist\n');
    const none = await runToEnd(['config', 'check'], {});
    expect(none.stdout + none.stderr).toContain('there is no file');
  });
});

describe('a root token that changed', { timeout: STARTS_MS }, () => {
  it('takes the place of the one before, which is refused from then on and never taken again', async () => {
    const first = await startServer();
    await first.stop();
    const second = await startServer({ data: first.data });
    expect((await call(second, 'GET /v1/tokens', { token: second.rootToken })).status).toBe(200);
    expect((await call(second, 'GET /v1/tokens', { token: first.rootToken })).body).toMatchObject({
      status: 401,
      code: 'rotated',
    });
    await second.stop();
    const { code, stderr } = await runToEnd(['start'], {
      TESSERA_DATA: first.data,
      TESSERA_ROOT_TOKEN: first.rootToken,
      TESSERA_PORT: '0',
      TESSERA_GATEWAY_PORT: '0',
    });
    expect(code).toBe(8);
    expect(stderr).toContain('this root token was replaced before; draw a new one');
    expect(stderr).not.toContain(first.rootToken);
  });

  it('is drawn at the first start where none is given, printed once, and kept', async () => {
    const first = await startServer({ rootToken: null });
    expect((await call(first, 'GET /v1/tokens', { token: first.rootToken })).status).toBe(200);
    expect(first.stdout().split(first.rootToken)).toHaveLength(2);
    await first.stop();
    const data = first.data;
    const second = await startServer({ data, rootToken: first.rootToken });
    expect((await call(second, 'GET /v1/tokens', { token: first.rootToken })).status).toBe(200);
    await second.stop();
    expect(second.stdout() + second.stderr()).not.toContain(first.rootToken);
  });
});

it('listens on loopback alone unless told otherwise', async () => {
  const server = await startServer();
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(server.gateway).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});
