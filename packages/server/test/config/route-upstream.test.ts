/** The `upstream:` part of a route: its defaults, what is refused and where, and the files that it names. */
import { afterAll, describe, expect, test } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import { printConfig } from '../../src/config/render.ts';
import { compileUpstream } from '../../src/core/compiled-upstream.ts';
import { CWD, loaded, problems, warnings } from './support.ts';

const authority = certificates();
afterAll(authority.remove);

const yaml = (upstream: string): string => `routes:\n- name: a\n  match: { path: /* }\n  upstream: ${upstream}\n`;
const ORIGIN = 'http://127.0.0.1:9000';
const full = (more: string, url = ORIGIN): string => yaml(`{ targets: [{ url: "${url}" }], ${more} }`);
const refusals = (text: string, files = {}): string[] =>
  problems({ yaml: text, files }).map((problem) =>
    problem.replace(/^tessera\.yaml:4:\d+ routes\[0\]\.upstream\.?/, ''),
  );

test('an origin alone, the same as a target, and nothing at all mean the same, in the file and in code', () => {
  const [short, long] = [yaml(`"${ORIGIN}"`), yaml(`{ targets: [{ url: "${ORIGIN}" }] }`)].map(
    (text) => loaded({ yaml: text }).routes[0]?.upstream,
  );
  expect(short).toEqual(long);
  expect(short && compileUpstream(short)).toEqual(compileUpstream({ targets: [{ url: ORIGIN }] }));
});

test('everything, in every spelling of a duration', () => {
  const text = full(
    'balance: least-pending, retries: 3, timeouts: { connect: 2, response: 1m, idle: PT1H }, ' +
      'health: { path: /healthz, interval: 10s, status: [200, 204] }, eject: { failures: 3, for: 2s, longest: 1m, ramp: 0 }',
  );
  const [route] = loaded({ yaml: text }).routes;
  expect(route?.upstream).toEqual({
    targets: [{ url: ORIGIN, weight: 1, maxConcurrent: 1024 }],
    balance: 'least-pending',
    retries: 3,
    timeouts: { connect: 2, response: 60, idle: 3600 },
    health: { path: '/healthz', interval: 10, timeout: 2, healthy: 2, unhealthy: 3, status: [200, 204] },
    eject: { failures: 3, for: 2, longest: 60, maxShare: 50, ramp: 0, status: [502, 503, 504] },
  });
  expect(loaded({ yaml: full('eject: false') }).routes[0]?.upstream.eject).toBe(false);
});

describe('what is refused, at its line', () => {
  test.each([
    ['balance: random', 'balance: must be one of round-robin, least-pending'],
    ['retries: 11', 'retries: must be a whole number from 0 to 10'],
    ['retires: 1', 'retires: unknown setting "retires"; did you mean "retries"?'],
    ['health: {}', 'health.path: is required'],
    [
      'health: { path: "http://169.254.169.254/" }',
      'health.path: must be a path such as /healthz, with or without a query',
    ],
    ['health: { path: "//169.254.169.254/" }', 'health.path: must be a path such as /healthz, with or without a query'],
    ['health: { path: "/a b" }', 'health.path: must be a path such as /healthz, with or without a query'],
    ['health: { path: /, interval: 1, timeout: 2 }', 'health.timeout: is longer than the interval'],
    ['health: { path: /, status: [] }', 'health.status: must name a status'],
    ['health: { path: /, status: [100] }', 'health.status[0]: must be a list of statuses from 200 to 599'],
    ['health: { path: /, status: [200, 204, 200] }', 'health.status[2]: repeats the status of [0]'],
    ['retries: -1.5', 'retries: must be a whole number from 0 to 10'],
    ['eject: true', 'eject: must be a mapping or false'],
    ['eject: { failures: 0 }', 'eject.failures: must be a whole number from 1 to 1000'],
    ['eject: { for: 1m }', 'eject.for: is more than the longest'],
    ['eject: { maxShare: 101 }', 'eject.maxShare: must be a whole number from 0 to 100'],
    [
      'timeouts: { connect: 0 }',
      'timeouts.connect: must be a duration from 1 to 300 seconds, such as 30, "15m", "90d" or "PT1H"',
    ],
    ['tls: {}', 'tls: is for https targets, and there is none'],
  ])('%s', (more, message) => {
    expect(refusals(full(more))).toEqual([message]);
  });

  test.each([
    ['{ targets: [] }', 'targets: must name a target'],
    [
      `{ targets: [{ url: "${ORIGIN}/path" }] }`,
      'targets[0].url: must be an http or https origin such as http://127.0.0.1:9000, without path, query and user',
    ],
    [`{ targets: [{ url: "${ORIGIN}" }, { url: "${ORIGIN}/" }] }`, 'targets[1].url: repeats the url of [0]'],
    [
      `{ targets: [{ url: "${ORIGIN}", maxConcurrent: 0 }] }`,
      'targets[0].maxConcurrent: must be a whole number from 1 to 100000',
    ],
  ])('%s', (upstream, message) => {
    expect(refusals(yaml(upstream))).toEqual([message]);
  });
});

describe('the files of tls', () => {
  const { certificatePem, keyPem } = authority.client('gateway');
  const other = authority.client('other');
  const files = {
    [`${CWD}/ca.pem`]: { text: authority.certificatePem },
    [`${CWD}/client.pem`]: { text: `${certificatePem}${authority.certificatePem}` },
    [`${CWD}/client.key`]: { text: keyPem },
    '/etc/other.key': { text: other.keyPem },
    '/etc/broken.pem': { text: certificatePem.replace('MII', 'xxx') },
    '/etc/text.pem': { text: 'no certificate' },
    '/etc/unreadable.pem': { ok: false, absent: false, message: 'cannot be read (EACCES)' } as const,
  };
  const secured = (tls: string): string => full(`tls: { ${tls} }`, 'https://a.test');

  test('are read where the configuration is, and never printed', () => {
    const config = loaded({
      yaml: secured('ca: ca.pem, certificate: client.pem, key: client.key, serverName: b.test'),
      files,
    });
    const tls = config.routes[0]?.upstream.tls;
    expect(tls).toMatchObject({ serverName: 'b.test', verify: true, material: { ca: authority.certificatePem } });
    expect(tls?.material.key?.export({ type: 'pkcs8', format: 'pem' })).toBe(keyPem);
    expect(JSON.stringify(config)).not.toContain('PRIVATE KEY');
    const printed = printConfig(config);
    expect(printed).toContain('key: client.key');
    expect(printed).not.toMatch(/BEGIN|material/);
    expect(loaded({ yaml: printed, files }).routes).toEqual(config.routes);
  });

  test.each([
    ['ca: absent.pem', 'tls.ca: names a file that does not exist'],
    ['ca: /etc/unreadable.pem', 'tls.ca: names a file that cannot be read (EACCES)'],
    ['ca: /etc/text.pem', 'tls.ca: names a file without a certificate in PEM, or with a broken one'],
    ['ca: /etc/broken.pem', 'tls.ca: names a file without a certificate in PEM, or with a broken one'],
    ['certificate: client.pem', 'tls.certificate: needs its "key"'],
    ['key: client.key', 'tls.key: needs its "certificate"'],
    [
      'certificate: client.pem, key: ca.pem',
      'tls.key: names a file without a private key in PEM, or with one that needs a passphrase',
    ],
    [
      'certificate: client.pem, key: /etc/other.key',
      'tls.key: names a private key that is not the one of the certificate',
    ],
    ['verify: false, ca: ca.pem', 'tls.verify: cannot be false where "ca" says what to verify with'],
    ['serverName: 127.0.0.1', 'tls.serverName: must be a host name'],
  ])('%s', (tls, message) => {
    expect(refusals(secured(tls), files)).toEqual([message]);
  });

  test('a key that others can read, and a peer that nobody verifies, are warned of', () => {
    const open = secured('certificate: client.pem, key: client.key');
    expect(warnings({ yaml: open, files, openToOthers: true })).toEqual([
      expect.stringMatching(
        /^tessera\.yaml:4:\d+ routes\[0\]\.upstream\.tls\.key: names a file that is open to group or others/,
      ),
    ]);
    expect(warnings({ yaml: secured('verify: false') })).toEqual([
      expect.stringMatching(
        /tls\.verify: is false: anyone on the way to the upstream can read and change what passes$/,
      ),
    ]);
  });
});
