/** TLS is set as a whole or not at all: half of it would look like protection. */
import { expect, test } from 'vitest';
import { CWD, loaded, problems } from './support.ts';

const PAIR = 'tlsCertificate: a.pem\ntlsKey: a.key\n';

test.each([
  ['gatewayTlsPort: 8443\n', 'tessera.yaml:1:1 gatewayTlsPort: needs a certificate: set tlsCertificate and tlsKey'],
  ['tlsPort: 8443\ntlsCertificate: a.pem\n', 'tessera.yaml:2:1 tlsCertificate: needs its key: set tlsKey'],
  ['tlsKey: a.key\n', 'tessera.yaml:1:1 tlsKey: needs its certificate: set tlsCertificate'],
  [PAIR, 'tessera.yaml:1:1 tlsCertificate: is served nowhere: set gatewayTlsPort or tlsPort'],
  [
    `${PAIR}tlsPort: 8443\ntlsClientCertificates: required\n`,
    'tessera.yaml:4:1 tlsClientCertificates: needs the authorities that they must be from: set tlsClientCa',
  ],
  [
    'tlsClientCa: ca.pem\ntlsClientCertificates: optional\n',
    'tessera.yaml:2:1 tlsClientCertificates: are presented over TLS only: set tlsCertificate',
  ],
  [
    `${PAIR}tlsPort: 8443\ntlsClientCa: ca.pem\n`,
    'tessera.yaml:4:1 tlsClientCa: is not asked: set tlsClientCertificates to optional or required',
  ],
  [
    `${PAIR}tlsPort: 8443\ntlsClientCrl: crl.pem\n`,
    'tessera.yaml:4:1 tlsClientCrl: is not asked: set tlsClientCertificates to optional or required',
  ],
  [`${PAIR}tlsPort: 8443\ngatewayTlsPort: 8443\n`, 'tessera.yaml:4:1 gatewayTlsPort: is the port of tlsPort too'],
  [`${PAIR}tlsPort: 8421\n`, 'tessera.yaml:3:1 tlsPort: is the port of gatewayPort too'],
  ['proxyProtocol: gateway\n', 'tessera.yaml:1:1 proxyProtocol: is believed of known proxies only: set trustedProxies'],
  ['redisCa: ca.pem\n', 'tessera.yaml:1:1 redisCa: is for Redis over TLS only: set redisUrl to rediss://...'],
  [
    'redisUrl: redis://redis\nredisCertificate: a.pem\nredisKey: a.key\n',
    'tessera.yaml:2:1 redisCertificate: is for Redis over TLS only: set redisUrl to rediss://...',
  ],
  [
    'redisUrl: rediss://redis\nredisKey: a.key\n',
    'tessera.yaml:2:1 redisKey: needs its certificate: set redisCertificate',
  ],
  [
    'redisUrl: rediss://redis\nredisCertificate: a.pem\n',
    'tessera.yaml:2:1 redisCertificate: needs its key: set redisKey',
  ],
  ['publicHttp: yes\n', 'tessera.yaml:1:1 publicHttp: must be one of none, gateway, platform, both'],
])('%j', (yaml, problem) => {
  expect(problems({ yaml })).toEqual([problem]);
});

test('Redis over TLS takes an authority, with a certificate of ours or without', () => {
  const yaml = 'redisUrl: rediss://redis\nredisCa: ca.pem\n';
  expect(loaded({ yaml })).toMatchObject({ redisCa: `${CWD}/ca.pem`, redisKey: undefined });
  const whole = loaded({ yaml: `${yaml}redisCertificate: a.pem\nredisKey: a.key\n` });
  expect(whole).toMatchObject({ redisCertificate: `${CWD}/a.pem`, redisKey: `${CWD}/a.key` });
});

test('the whole of it is accepted', () => {
  const yaml = `${PAIR}tlsPort: 0\ngatewayTlsPort: 0\ntlsClientCertificates: optional\ntlsClientCa: ca.pem\ntlsClientCrl: crl.pem\n`;
  expect(loaded({ yaml, env: { TESSERA_PUBLIC_HTTP: 'both' } })).toMatchObject({
    tlsPort: 0,
    gatewayTlsPort: 0,
    tlsCertificate: `${CWD}/a.pem`,
    tlsClientCrl: `${CWD}/crl.pem`,
    tlsClientCertificates: 'optional',
    publicHttp: 'both',
  });
});

test.each(['require', 'identity'])('a route that wants client certificates in %s needs them asked for', (part) => {
  const route = `routes:\n  - { name: a, match: { path: /* }, ${part}: { clientCertificate: true }, upstream: http://127.0.0.1:1 }\n`;
  expect(problems({ yaml: route })).toEqual([
    expect.stringMatching(
      new RegExp(
        `^tessera.yaml:2:[0-9]+ routes\\[0\\].${part}.clientCertificate: needs tlsClientCertificates: no client is asked for one$`,
      ),
    ),
  ]);
  const asked = `${PAIR}tlsPort: 0\ntlsClientCertificates: optional\ntlsClientCa: ca.pem\n`;
  expect(loaded({ yaml: `${asked}${route}` }).routes).toHaveLength(1);
});
