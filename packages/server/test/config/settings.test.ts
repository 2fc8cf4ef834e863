/** Each setting takes what its documentation says, and says what it takes where it refuses. */
import { generate } from '@tessera/token';
import { describe, expect, test } from 'vitest';
import { type SettingName, settingNames, settings } from '../../src/config/settings.ts';
import { loaded, problems, warnings } from './support.ts';

const KEY = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');
const TOKEN = generate({ prefix: 'tsr', environment: 'test' });

/** What the environment says, and the value that becomes of it. */
const ACCEPTED: [SettingName, string, unknown][] = [
  ['host', '0.0.0.0', '0.0.0.0'],
  ['host', '::1', '::1'],
  ['host', 'localhost', 'localhost'],
  ['port', '0', 0],
  ['port', '65535', 65_535],
  ['metricsPort', '9464', 9464],
  ['publicUrl', 'https://Tessera.example.com/', 'https://tessera.example.com'],
  ['data', '/var/lib/tessera', '/var/lib/tessera'],
  ['databaseUrl', 'sqlite:./x.db', 'sqlite:./x.db'],
  ['databaseUrl', 'postgres://u:p@db:5432/tessera', 'postgres://u:p@db:5432/tessera'],
  [
    'databaseUrl',
    'postgres://db/t?sslmode=verify-full&sslrootcert=/ca.pem',
    'postgres://db/t?sslmode=verify-full&sslrootcert=/ca.pem',
  ],
  // In the words of libpq, those would not ask for whom a certificate is, or whose it is.
  ['databaseUrl', 'postgres://db/t?sslmode=require', 'postgres://db/t?sslmode=verify-full'],
  [
    'databaseUrl',
    'postgres://db/t?a=1&sslmode=verify-ca&sslrootcert=/ca.pem',
    'postgres://db/t?a=1&sslmode=verify-full&sslrootcert=/ca.pem',
  ],
  ['databaseUrl', 'postgres://db/t?sslmode=disable', 'postgres://db/t?sslmode=disable'],
  ['databaseUrl', 'postgres://db/t?sslmode=no-verify', 'postgres://db/t?sslmode=no-verify'],
  ['databaseUrl', 'postgresql:///tessera?host=/run/pg', 'postgresql:///tessera?host=/run/pg'],
  ['redisUrl', 'redis://redis:6379', 'redis://redis:6379'],
  ['redisUrl', 'rediss://u:p@redis/3', 'rediss://u:p@redis/3'],
  ['rootToken', TOKEN, TOKEN],
  ['stalenessSeconds', '30', 30],
  ['defaultExpirySeconds', '90d', 7_776_000],
  ['maxExpirySeconds', '52w', 31_449_600],
  ['shutdownSeconds', '0', 0],
  ['shutdownSeconds', 'PT1H', 3600],
  ['defaultExpirySeconds', 'P1DT2H3M4S', 93_784],
  ['allowNoExpiry', 'false', false],
  ['trustedProxies', '10.0.0.0/8,fc00::/7 192.0.2.7', ['10.0.0.0/8', 'fc00::/7', '192.0.2.7']],
  ['logLevel', 'silent', 'silent'],
];

const WHOLE_PORT = 'must be a whole number from 0 to 65535';
const KEY_MESSAGE = 'must be exactly 32 bytes, as 64 hex digits or as base64; `openssl rand -hex 32` makes one';
const REDIS = 'must be redis://<user>:<password>@<host>:<port>/<database>, or rediss:// over TLS';
const DATABASE = 'must be sqlite:<file> or postgres://<user>:<password>@<host>/<database>';
const DATABASE_MODE =
  'its sslmode must be verify-full, or require or verify-ca, which mean the same here; else disable, or no-verify';
const DATABASE_TLS =
  'says of TLS what is not asked here; known are sslmode, sslrootcert, sslcert, sslkey and sslnegotiation, each once';
const DATABASE_WITHOUT = 'says of TLS what is asked beside sslmode=verify-full only';
const TOKEN_MESSAGE = 'must be a well-formed token text; `tessera generate` makes one';
const ORIGIN = 'must be an http or https origin, such as https://tessera.example.com';
const STALENESS = 'must be a duration from 1 to 300 seconds, such as 30, "15m", "90d" or "PT1H"';
const REFUSED: [SettingName, string, string][] = [
  ['host', 'a b', 'must be an IP address or a host name'],
  ['port', '65536', WHOLE_PORT],
  ['port', '1e3', WHOLE_PORT],
  ['port', '0x10', WHOLE_PORT],
  ['port', ' 80', WHOLE_PORT],
  ['gatewayPort', '80.5', WHOLE_PORT],
  ['publicUrl', 'https://x.example/path', ORIGIN],
  ['publicUrl', 'https://user@x.example', ORIGIN],
  ['publicUrl', 'ftp://x.example', ORIGIN],
  ['databaseUrl', 'mysql://u@h/d', DATABASE],
  ['redisUrl', 'http://redis:6379', REDIS],
  ['redisUrl', 'redis://redis/three', REDIS],
  ['redisUrl', 'redis://redis/0?db=1', REDIS],
  ['redisUrl', 'redis:///0', REDIS],
  ['databaseUrl', 'sqlite:', DATABASE],
  ['databaseUrl', 'postgres://u:p@host', DATABASE],
  ['databaseUrl', 'postgres://db/t?sslmode=prefer', DATABASE_MODE],
  ['databaseUrl', 'postgres://db/t?sslmode=allow', DATABASE_MODE],
  ['databaseUrl', 'postgres://db/t?sslmode=', DATABASE_MODE],
  ['databaseUrl', 'postgres://db/t?sslmode=VERIFY-FULL', DATABASE_MODE],
  ['databaseUrl', 'postgres://db/t?ssl=true', DATABASE_TLS],
  ['databaseUrl', 'postgres://db/t?sslmode=require&uselibpqcompat=true', DATABASE_TLS],
  ['databaseUrl', 'postgres://db/t?sslmode=verify-full&sslcrl=/crl.pem', DATABASE_TLS],
  ['databaseUrl', 'postgres://db/t?sslmode=verify-full&sslmode=no-verify', DATABASE_TLS],
  ['databaseUrl', 'postgres://db/t?sslrootcert=/ca.pem', DATABASE_WITHOUT],
  ['databaseUrl', 'postgres://db/t?sslmode=disable&sslcert=/a.pem', DATABASE_WITHOUT],
  ['rootToken', `${TOKEN}x`, TOKEN_MESSAGE],
  ['rootToken', 'admin', TOKEN_MESSAGE],
  ['masterKey', KEY.subarray(1).toString('hex'), KEY_MESSAGE],
  ['masterKey', KEY.subarray(1).toString('base64'), KEY_MESSAGE],
  ['masterKey', `${KEY.toString('base64')} `, KEY_MESSAGE],
  ['masterKey', 'z'.repeat(64), KEY_MESSAGE],
  ['stalenessSeconds', '0', STALENESS],
  ['stalenessSeconds', '6m', STALENESS],
  ['stalenessSeconds', '5 s', STALENESS],
  ['stalenessSeconds', '-5', STALENESS],
  ['stalenessSeconds', 'P', STALENESS],
  ['stalenessSeconds', 'PT', STALENESS],
  ['stalenessSeconds', 'P1M', STALENESS],
  ['failedCredentialsPerMinute', '0', 'must be a whole number from 1 to 1000000'],
  ['cacheTokens', '10000001', 'must be a whole number from 1 to 10000000'],
  ['allowNoExpiry', 'yes', 'must be true or false'],
];

test.each(ACCEPTED)('%s takes %s', (name, text, value) => {
  expect(loaded({ env: { [settings[name].env]: text } })[name]).toEqual(value);
});

test.each(REFUSED)('%s refuses %s', (name, text, message) => {
  expect(problems({ env: { [settings[name].env]: text } })).toEqual([`${settings[name].env}: ${message}`]);
});

test('the master key is held where nothing prints it, from hex and from base64', () => {
  for (const text of [KEY.toString('hex'), KEY.toString('hex').toUpperCase(), KEY.toString('base64')]) {
    const { masterKey } = loaded({ env: { TESSERA_MASTER_KEY: text } });
    expect(masterKey?.export()).toEqual(KEY);
    expect(JSON.stringify(masterKey)).toBe('{}');
  }
});

test('a file takes values of their own type, not texts of them', () => {
  expect(problems({ yaml: 'port: "80"\nallowNoExpiry: "true"\ntrustedProxies: 10.0.0.0/8\nhost: 5\n' })).toEqual([
    `tessera.yaml:1:1 port: ${WHOLE_PORT}`,
    'tessera.yaml:2:1 allowNoExpiry: must be true or false',
    'tessera.yaml:3:1 trustedProxies: must be a list of addresses, CIDR ranges or host names',
    'tessera.yaml:4:1 host: must be an IP address or a host name',
  ]);
});

describe('trusted proxies', () => {
  const message = 'would let every client forge its address; name your own proxies (trustEveryProxy: true overrides)';

  test.each(['0.0.0.0/0', '::/0', '0.0.0.0/1', '::ffff:0:0/6', '::ffff:0:0/96', '::/64'])(
    '%s is everybody, and refused',
    (range) => {
      expect(problems({ env: { TESSERA_TRUSTED_PROXIES: `10.1.2.3,${range}` } })).toEqual([
        `TESSERA_TRUSTED_PROXIES[1]: ${message}`,
      ]);
      expect(problems({ yaml: `trustedProxies:\n  - ${range}\n` })).toEqual([
        `tessera.yaml:2:5 trustedProxies[0]: ${message}`,
      ]);
    },
  );

  test('the override admits it, with a warning', () => {
    const given = { yaml: 'trustEveryProxy: true\ntrustedProxies: [0.0.0.0/0]\n' };
    expect(loaded(given).trustedProxies).toEqual(['0.0.0.0/0']);
    expect(warnings(given)).toEqual([
      'tessera.yaml:1:1 trustEveryProxy: is on: clients may be able to forge their address',
    ]);
  });

  test.each(['10.0.0.0/33', '10.0.0/8', '1.2.3.4/', 'fe80::1%eth0', '::1/129', '10.0.0.0/08', '1.1.1.1/1/1'])(
    '%s is no range',
    (range) => {
      expect(problems({ yaml: `trustedProxies: ["${range}"]` })).toEqual([
        'tessera.yaml:1:18 trustedProxies[0]: must be an address, a CIDR range such as 10.0.0.0/8, or a host name such as office.example.com',
      ]);
    },
  );
});

describe('settings that depend on each other', () => {
  test('a maximum expiry shortens the default and ends tokens without expiry', () => {
    const config = loaded({ yaml: 'maxExpirySeconds: 30d' });
    expect([config.defaultExpirySeconds, config.allowNoExpiry]).toEqual([2_592_000, false]);
  });

  test('what contradicts the maximum is refused', () => {
    const yaml = 'maxExpirySeconds: 30d\ndefaultExpirySeconds: 31d\nallowNoExpiry: true\n';
    expect(problems({ yaml })).toEqual([
      'tessera.yaml:2:1 defaultExpirySeconds: is longer than maxExpirySeconds',
      'tessera.yaml:3:1 allowNoExpiry: cannot be true where maxExpirySeconds is set',
    ]);
  });

  test('one port for two listeners is refused where it was written; 0 is no port', () => {
    expect(problems({ env: { TESSERA_PORT: '8421' } })).toEqual(['TESSERA_PORT: is the port of gatewayPort too']);
    expect(problems({ yaml: 'metricsPort: 8420' })).toEqual(['tessera.yaml:1:1 metricsPort: is the port of port too']);
    expect(loaded({ env: { TESSERA_PORT: '0', TESSERA_GATEWAY_PORT: '0' } }).gatewayPort).toBe(0);
  });
});

test('environment names follow from the names in the file', () => {
  for (const name of settingNames) {
    if (name === 'configFile') continue;
    const expected = `TESSERA_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
    expect(settings[name].env).toBe(expected);
  }
});

test('proxies are known by address or counted, never both', () => {
  expect(problems({ yaml: 'trustedProxies: [10.0.0.1]\ntrustedHops: 2\n' })).toEqual([
    'tessera.yaml:2:1 trustedHops: cannot be set beside trustedProxies: proxies are known by address or counted',
  ]);
  expect(loaded({ yaml: 'trustedHops: 2\nforwardedHeader: forwarded\n' })).toMatchObject({
    trustedHops: 2,
    forwardedHeader: 'forwarded',
  });
  expect(problems({ yaml: 'forwardedHeader: x-real-ip' })).toEqual([
    'tessera.yaml:1:1 forwardedHeader: must be one of x-forwarded-for, forwarded',
  ]);
});
