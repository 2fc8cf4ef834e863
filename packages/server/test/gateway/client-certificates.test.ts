import { createHash, X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { certificates, type Pair } from '../../../../test/support/certificates.ts';
import type { RouteConfig } from '../../src/core/compiled-route.ts';
import type { RefusedHandshake, TlsListening } from '../../src/http/listen-options.ts';
import { lines, type TestGateway, type TestOptions, TOKEN, testGateway } from './support/gateway.ts';
import { answerOf, hear } from './support/raw-client.ts';
import { valuesOf } from './support/recording-upstream.ts';

const NAME = 'tessera.test';
const authority = certificates();
const stranger = certificates('Somebody else');
const own = authority.server([NAME]);
const revoked = authority.client('revoked');
const crl = authority.revoke(revoked);
const crlPem = await import('node:fs').then(({ readFileSync }) => readFileSync(crl, 'utf8'));
afterAll(() => {
  authority.remove();
  stranger.remove();
});

let gateway: TestGateway;
let refused: RefusedHandshake[];
afterEach(() => gateway.close());

const asking = (upstream: string): readonly RouteConfig[] => [
  {
    name: 'proved',
    match: { path: '/proved/*' },
    require: { clientCertificate: true },
    identity: { clientCertificate: true },
    upstream: { targets: [{ url: upstream, weight: 1 }] },
  },
  { name: 'any', match: { path: '/*' }, upstream: { targets: [{ url: upstream, weight: 1 }] } },
];

const start = async (
  clientCertificates: TlsListening['clientCertificates'],
  options: TestOptions = {},
): Promise<void> => {
  refused = [];
  gateway = await testGateway({
    routes: asking,
    ...options,
    listening: {
      tls: {
        context: { cert: own.certificatePem, key: own.keyPem, ca: authority.certificatePem, crl: crlPem },
        clientCertificates,
        onRefused: (reason) => refused.push(reason),
      },
    },
  });
};

const connection = (pair?: Pair): TLSSocket => {
  const socket = connect({
    port: gateway.port,
    host: '127.0.0.1',
    servername: NAME,
    ca: authority.certificatePem,
    ...(pair !== undefined && { cert: pair.certificatePem, key: pair.keyPem }),
  });
  socket.on('error', () => {});
  return socket;
};

/** Status of the answer; 0 where there was none. */
const ask = async (path: string, pair?: Pair, ...fields: readonly string[]): Promise<number> => {
  const socket = connection(pair);
  socket.write(
    `GET ${path} HTTP/1.1\r\n${lines(`Host: ${NAME}`, `Authorization: Bearer ${TOKEN}`, ...fields, 'Connection: close')}`,
  );
  const { status } = await answerOf(hear(socket));
  return status;
};

const wrong: readonly (readonly [string, () => Pair])[] = [
  ['that expired', () => authority.client('a', { days: -1 })],
  ['that is not valid yet', () => authority.client('a', { notBefore: new Date(Date.now() + 86_400_000) })],
  ['of another authority', () => stranger.client('a')],
  ['that was revoked', () => revoked],
  ['that is for servers', () => authority.server(['a.test'])],
  ['that is too large to pass on', () => authority.client('a', { padding: 16_000 })],
];

describe('a client certificate', () => {
  it.each(wrong)('%s is refused, and never taken for none', async (_name, pair) => {
    for (const mode of ['optional', 'required'] as const) {
      await start(mode);
      expect(await ask('/', pair())).toBe(0);
      expect(refused).toEqual(['certificate_invalid']);
      expect(gateway.upstream.requests).toEqual([]);
      await gateway.close();
    }
    await start('optional');
  });

  it('lets nobody in without one where it is required', async () => {
    await start('required');
    expect(await ask('/')).toBe(0);
    expect(refused).toEqual(['certificate_missing']);
    expect(await ask('/', authority.client('a'))).toBe(200);
  });

  it('is asked for by a route, and 401 without', async () => {
    await start('optional');
    expect(await ask('/any')).toBe(200);
    expect(await ask('/proved/x')).toBe(401);
    expect(gateway.recorded.at(-1)?.code).toBe('proof_required');
    expect(await ask('/proved/x', authority.client('a'))).toBe(200);
    expect(gateway.upstream.requests).toHaveLength(2);
  });

  it.each([
    ['a comma', 'O=evil\\, CN=admin'],
    ['a NUL', 'admin\0.evil.test'],
    ['slashes', 'CN=admin/CN=x'],
    ['a quote and an override', 'ä"\u202e'],
    ['four thousand letters', 'x'.repeat(4_000)],
  ])('is known by its bytes, whatever its name says: %s', async (_name, name) => {
    await start('optional');
    const pair = authority.client(name);
    expect(await ask('/proved/x', pair)).toBe(200);
    const [value = ''] = valuesOf(gateway.upstream.requests[0] ?? '', 'client-cert');
    // A byte sequence of RFC 8941: nothing of the name is text on the way.
    const der = Buffer.from(/^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1] ?? '', 'base64');
    expect(createHash('sha256').update(der).digest('base64url')).toBe(pair.thumbprint);
    expect(new X509Certificate(der).checkPrivateKey).toBeDefined();
  });

  it('reaches the upstream from us alone, in every spelling', async () => {
    await start('optional');
    const forged = ['Client-Cert: :AA==:', 'client_cert: :AA==:', 'Client.Cert: :AA==:', 'Client-Cert-Chain: :AA==:'];
    expect(await ask('/any', authority.client('a'), ...forged)).toBe(200);
    expect(await ask('/any', undefined, ...forged, 'X-Forwarded-Client-Cert: x')).toBe(200);
    expect(gateway.upstream.bytes()).not.toMatch(/client.cert/i);
  });

  it('ends with its validity, also on a connection that outlives it', async () => {
    let ahead = 0;
    await start('optional', { ports: { clock: { now: () => Date.now() + ahead } } });
    const socket = connection(authority.client('a', { days: 1 }));
    const heard = hear(socket);
    const request = (...more: readonly string[]) =>
      `GET /proved/x HTTP/1.1\r\n${lines(`Host: ${NAME}`, `Authorization: Bearer ${TOKEN}`, ...more)}`;
    socket.write(request());
    await gateway.upstream.seen('GET /proved/x');
    ahead = 86_400_000;
    socket.write(request('Connection: close'));
    expect((await heard).text.match(/HTTP\/1\.1 [0-9]{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401']);
  });
});
