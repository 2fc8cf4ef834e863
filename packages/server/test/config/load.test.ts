/** Environment over file over default; all problems at once, each with its place; nothing secret in any of them. */
import { generate } from '@tessera/token';
import { describe, expect, test } from 'vitest';
import { CWD, load, loaded, problems, warnings } from './support.ts';

const KEY_HEX = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';

describe('where a value comes from', () => {
  test('nothing configured: the documented defaults', () => {
    // What is optional is undefined then, which `toEqual` takes for absent.
    expect(loaded({})).toEqual({
      role: 'all',
      host: '127.0.0.1',
      port: 8420,
      gatewayPort: 8421,
      data: `${CWD}/data`,
      defaultExpirySeconds: 7_776_000,
      allowNoExpiry: true,
      failedCredentialsPerMinute: 100,
      exchangesPerMinute: 600,
      trustedProxies: [],
      trustedHops: 0,
      forwardedHeader: 'x-forwarded-for',
      requestTimeoutSeconds: 3600,
      stallSeconds: 30,
      maxConnections: 20_000,
      workers: 1,
      trustEveryProxy: false,
      tlsClientCertificates: 'off',
      publicHttp: 'none',
      proxyProtocol: 'none',
      stalenessSeconds: 5,
      cacheTokens: 100_000,
      drainSeconds: 0,
      shutdownSeconds: 25,
      issuerAddresses: [],
      issuerKeysKeptSeconds: 86_400,
      signingKeySeconds: 7_776_000,
      logLevel: 'info',
      routes: [],
    });
  });

  test('the environment wins over the file, the file over the default', () => {
    const config = loaded({ yaml: 'port: 1\nhost: 0.0.0.0\n', env: { TESSERA_PORT: '2' } });
    expect([config.port, config.host, config.gatewayPort]).toEqual([2, '0.0.0.0', 8421]);
  });

  test('a value in the file is checked although the environment wins', () => {
    expect(problems({ yaml: 'port: x', env: { TESSERA_PORT: '2' } })).toEqual([
      'tessera.yaml:1:1 port: must be a whole number from 0 to 65535',
    ]);
  });

  test('LOG_LEVEL is heard, and TESSERA_LOG_LEVEL wins', () => {
    expect(loaded({ env: { LOG_LEVEL: 'warn' } }).logLevel).toBe('warn');
    expect(loaded({ env: { LOG_LEVEL: 'warn', TESSERA_LOG_LEVEL: 'debug' } }).logLevel).toBe('debug');
    expect(problems({ env: { LOG_LEVEL: 'loud' } })).toEqual([
      'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent',
    ]);
  });

  test('the default file where it exists, a named one always', () => {
    expect(loaded({ yaml: '# nothing yet\n' }).configFile).toBe(`${CWD}/tessera.yaml`);
    const files = { '/etc/t.yaml': { text: 'port: 7' } };
    const config = loaded({ env: { TESSERA_CONFIG: '/etc/t.yaml' }, yaml: 'port: 8', files });
    expect([config.port, config.configFile]).toEqual([7, '/etc/t.yaml']);
    expect(problems({ env: { TESSERA_CONFIG: 'other.yaml' } })).toEqual(['other.yaml: does not exist']);
  });

  test('a default file that cannot be read is not an absent one', () => {
    const files = {
      [`${CWD}/tessera.yaml`]: { ok: false, absent: false, message: 'cannot be read (EACCES)' },
    } as const;
    expect(problems({ files })).toEqual(['tessera.yaml: cannot be read (EACCES)']);
  });

  test('the configuration is frozen to its leaves', () => {
    const yaml = 'routes: [{ name: a, match: { path: /* }, upstream: "http://u" }]';
    const config = loaded({ yaml, env: { TESSERA_TRUSTED_PROXIES: '10.0.0.0/8' } });
    const thawed: string[] = [];
    const visit = (value: unknown, at: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) thawed.push(at);
      for (const [name, part] of Object.entries(value)) visit(part, `${at}.${name}`);
    };
    visit(config, 'config');
    expect(thawed).toEqual([]);
  });
});

describe('problems', () => {
  test('all at once, in the order of the file, environment first', () => {
    const yaml =
      'prot: 1\nmasterKey: abc\nroutes:\n  - name: a\n    match: { path: x }\n    upstream: { targets: [] , q: 1 }\n';
    expect(problems({ yaml, env: { TESSERA_PORT: '-1', TESSERA_TRUSTED_PROXIES: '10.0.0.0/8, x' } })).toEqual([
      'TESSERA_PORT: must be a whole number from 0 to 65535',
      'TESSERA_TRUSTED_PROXIES[1]: must be an address, a CIDR range such as 10.0.0.0/8, or a host name such as office.example.com',
      'tessera.yaml:1:1 prot: unknown setting "prot"; did you mean "port"?',
      'tessera.yaml:2:1 masterKey: must be exactly 32 bytes, as 64 hex digits or as base64; `openssl rand -hex 32` makes one',
      'tessera.yaml:5:14 routes[0].match.path: must be a path such as /orders or /orders/*: plain segments, without "..", "//", "%" and ";"',
      'tessera.yaml:6:17 routes[0].upstream.targets: must name a target',
      'tessera.yaml:6:31 routes[0].upstream.q: unknown setting "q"',
    ]);
  });

  test('a file of another shape', () => {
    expect(problems({ yaml: '- a\n' })).toEqual(['tessera.yaml: must be a mapping of settings, such as "routes: []"']);
    expect(problems({ yaml: 'just text' })).toEqual([
      'tessera.yaml: must be a mapping of settings, such as "routes: []"',
    ]);
    expect(problems({ yaml: 'routes:\n' })).toEqual(['tessera.yaml:1:1 routes: has no value']);
    expect(problems({ yaml: ' \n\n' })).toEqual(['tessera.yaml: is empty']);
  });

  test('an environment-only setting is unknown in the file', () => {
    expect(problems({ yaml: 'configFile: x' })).toEqual(['tessera.yaml:1:1 configFile: unknown setting "configFile"']);
  });

  test('no more than fifty are shown', () => {
    const yaml = Array.from({ length: 70 }, (_, index) => `qqqqqq${index}: 1`).join('\n');
    const shown = problems({ yaml });
    expect(shown).toHaveLength(51);
    expect(shown.at(-1)).toBe('tessera.yaml: and 20 more problems');
  });

  test('a variable that is set but empty is not "not set"', () => {
    expect(problems({ env: { TESSERA_MASTER_KEY: '', TESSERA_CONFIG: '' } })).toEqual([
      'TESSERA_CONFIG: is set but empty; unset it or give it a value',
      'TESSERA_MASTER_KEY: is set but empty; unset it or give it a value',
    ]);
  });

  test('the variable that Kubernetes sets for a service of our name is explained', () => {
    expect(problems({ env: { TESSERA_PORT: 'tcp://10.1.2.3:8420' } })).toEqual([
      'TESSERA_PORT: must be a whole number from 0 to 65535; Kubernetes set it: turn enableServiceLinks off, or rename the service',
    ]);
  });

  test('an unknown TESSERA_ variable is a warning with the nearest name', () => {
    expect(warnings({ env: { TESSERA_GATEWAY_PROT: '1', TESSERA_ZZZ: '1', OTHER: '1' } })).toEqual([
      'environment: unknown setting "TESSERA_GATEWAY_PROT"; did you mean "TESSERA_GATEWAY_PORT"?',
      'environment: unknown setting "TESSERA_ZZZ"',
    ]);
  });

  test('a terminal may also hold what the command and a service that judges by itself read', () => {
    expect(warnings({ env: { TESSERA_TOKEN: 'x', TESSERA_URL: 'x', TESSERA_VERIFY_TOKEN: 'x' } })).toEqual([]);
  });
});

describe('secrets', () => {
  const token = generate({ prefix: 'tsr', environment: 'live' });

  test('from a file that the environment names, without its last line break', () => {
    const files = { '/run/key': { text: `${KEY_HEX}\n` }, [`${CWD}/token`]: { text: `${token}\r\n` } };
    const env = { TESSERA_MASTER_KEY_FILE: '/run/key', TESSERA_ROOT_TOKEN_FILE: 'token' };
    const config = loaded({ env, files });
    expect(config.masterKey?.export().toString('hex')).toBe(KEY_HEX);
    expect(config.rootToken).toBe(token);
    expect(warnings({ env, files })).toEqual([]);
  });

  test('a variable and its _FILE together are refused', () => {
    const env = { TESSERA_MASTER_KEY: KEY_HEX, TESSERA_MASTER_KEY_FILE: '/run/key' };
    expect(problems({ env })).toEqual([
      'TESSERA_MASTER_KEY: is set, and so is TESSERA_MASTER_KEY_FILE; keep one of them',
    ]);
  });

  test('a file that is absent, empty or wrong is told by the name of its variable', () => {
    const env = { TESSERA_MASTER_KEY_FILE: '/run/key' };
    expect(problems({ env })).toEqual(['TESSERA_MASTER_KEY_FILE: the file that it names does not exist']);
    expect(problems({ env, files: { '/run/key': { text: '\n' } } })).toEqual([
      'TESSERA_MASTER_KEY_FILE: is set but empty; unset it or give it a value',
    ]);
    expect(problems({ env, files: { '/run/key': { text: 'short' } } })).toEqual([
      'TESSERA_MASTER_KEY_FILE: must be exactly 32 bytes, as 64 hex digits or as base64; `openssl rand -hex 32` makes one',
    ]);
  });

  test('a file that others may read is a warning', () => {
    const files = { '/run/key': { text: KEY_HEX } };
    expect(warnings({ env: { TESSERA_MASTER_KEY_FILE: '/run/key' }, files, openToOthers: true })).toEqual([
      'TESSERA_MASTER_KEY_FILE: the file that it names is open to group or others; chmod 600 it',
    ]);
    expect(warnings({ yaml: `port: 1\nmasterKey: "${KEY_HEX}"\n`, openToOthers: true })).toEqual([
      'tessera.yaml:2:1 masterKey: is a secret in a file that is open to group or others; chmod 600 it',
    ]);
    expect(warnings({ yaml: 'port: 1\n', openToOthers: true })).toEqual([]);
  });

  test('only a secret has a _FILE', () => {
    expect(warnings({ env: { TESSERA_PORT_FILE: '/run/port' } })).toEqual([
      'environment: unknown setting "TESSERA_PORT_FILE"; did you mean "TESSERA_PORT"?',
    ]);
  });

  test('no secret is ever in a problem or a warning, wherever it was put by mistake', () => {
    const nearly = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    const url = 'postgres:/user:hunter2secret@db/x';
    const mistakes: Parameters<typeof load>[0][] = [
      { env: { TESSERA_ROOT_TOKEN: nearly, TESSERA_DATABASE_URL: url, TESSERA_MASTER_KEY: KEY_HEX.slice(2) } },
      { env: { TESSERA_ROOT_TOKEN_FILE: token, TESSERA_MASTER_KEY_FILE: KEY_HEX } },
      {
        env: {
          [`TESSERA_${token}`]: '1',
          TESSERA_PORT: token,
          TESSERA_TRUSTED_PROXIES: token,
          TESSERA_PUBLIC_URL: token,
        },
      },
      { yaml: `rootToken: ${nearly}\ndatabaseUrl: ${url}\nmasterKey: ${KEY_HEX.slice(2)}\n` },
      { yaml: `${token}: 1\n${KEY_HEX}: 2\n` },
      { yaml: `${token}: 1\n${token}: 2\n` },
      { yaml: `port: 1\nrootToken:${token}\n` },
      { yaml: `port: "${token}\n` },
      { yaml: `port: *${token}\n` },
      { yaml: `port: !${token} x\n` },
      { yaml: `%${token}\n---\nport: 1\n` },
      { yaml: `rootToken: [${token}]\nmasterKey: {${token}: 1}\nlogLevel: ${token}\n` },
      { yaml: `routes: [{ name: ${token}, match: { path: ${token} }, upstream: "http://u:${token}@h" }]` },
      { yaml: `routes: [{ name: "x ${token}", transform: { request: { set: { "${token} ": "a\\n${token}" } } } }]` },
    ];
    for (const mistake of mistakes) {
      const result = load(mistake);
      expect(result.ok, JSON.stringify(mistake)).toBe(false);
      const told = JSON.stringify(result);
      for (const secret of [token.slice(4, 40), KEY_HEX.slice(8, 40), 'hunter2secret']) {
        expect(told, JSON.stringify(mistake)).not.toContain(secret);
      }
    }
  });
});
