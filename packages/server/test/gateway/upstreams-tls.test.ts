/** An upstream that cannot prove who it is receives nothing; one that asks who we are is told. */

import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import type { TlsConfig } from '../../src/core/compiled-upstream.ts';
import { testGateway } from './support/gateway.ts';
import { OK } from './support/recording-upstream.ts';

const authority = certificates('Upstream authority');
const stranger = certificates('Another authority');
afterAll(() => {
  authority.remove();
  stranger.remove();
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface TlsUpstream {
  readonly port: number;
  /** Of each connection: the name asked for, the client's certificate. */
  readonly seen: { readonly sni: string | false | null; readonly client: unknown }[];
  readonly received: string[];
}

async function tlsUpstream(options: TlsOptions): Promise<TlsUpstream> {
  const upstream = { port: 0, seen: [] as TlsUpstream['seen'], received: [] as string[] };
  const sockets = new Set<TLSSocket>();
  const server = createServer(options, (socket) => {
    sockets.add(socket);
    upstream.seen.push({ sni: socket.servername, client: socket.getPeerCertificate().subject?.CN });
    socket
      .on('error', () => {})
      .on('data', (bytes) => {
        upstream.received.push(String(bytes));
        OK('', socket);
      });
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return Object.assign(upstream, { port: (server.address() as AddressInfo).port });
}

async function gatewayTo(host: string, { port }: TlsUpstream, tls?: TlsConfig) {
  const gateway = await testGateway({
    routes: () => [
      {
        name: 'all',
        match: { path: '/*' },
        upstream: { targets: [{ url: `https://${host}:${port}` }], ...(tls !== undefined && { tls }) },
      },
    ],
  });
  ends.push(() => gateway.close());
  return gateway;
}

const serverFor = (names: readonly string[], validity = {}, signer = authority) => {
  const { certificatePem, keyPem } = signer.server(names, validity);
  return { cert: certificatePem, key: keyPem };
};
const trusting = (parts: Partial<TlsConfig> = {}): TlsConfig => ({
  ...parts,
  material: { ca: authority.certificatePem, ...parts.material },
});

describe('an upstream with a private authority', () => {
  it('is spoken to, and hears its name (SNI)', async () => {
    const upstream = await tlsUpstream(serverFor(['localhost']));
    const gateway = await gatewayTo('localhost', upstream, trusting());
    expect((await gateway.get('/')).status).toBe(200);
    expect(upstream.seen).toEqual([{ sni: 'localhost', client: undefined }]);
  });

  it('is verified by its address where the url has one, and by the name that is configured instead', async () => {
    const byAddress = await tlsUpstream(serverFor(['127.0.0.1']));
    expect((await (await gatewayTo('127.0.0.1', byAddress, trusting())).get('/')).status).toBe(200);
    expect(byAddress.seen[0]?.sni).toBe(false);
    const byName = await tlsUpstream(serverFor(['orders.internal']));
    const gateway = await gatewayTo('127.0.0.1', byName, trusting({ serverName: 'orders.internal' }));
    expect((await gateway.get('/')).status).toBe(200);
    expect(byName.seen[0]?.sni).toBe('orders.internal');
  });
});

describe('an upstream that is not what it should be is a 502, said why in the log, and receives no byte of a request', () => {
  const cases: readonly (readonly [string, () => TlsOptions, TlsConfig | undefined, string])[] = [
    ['wrong name', () => serverFor(['other.test']), trusting(), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'not the configured name',
      () => serverFor(['localhost']),
      trusting({ serverName: 'a.test' }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['expired', () => serverFor(['localhost'], { days: -1 }), trusting(), 'CERT_HAS_EXPIRED'],
    [
      'not yet valid',
      () => serverFor(['localhost'], { notBefore: new Date(Date.now() + 86_400_000) }),
      trusting(),
      'CERT_NOT_YET_VALID',
    ],
    ['self-signed', () => serverFor(['localhost'], { selfSigned: true }), trusting(), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['another authority', () => serverFor(['localhost'], {}, stranger), trusting(), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'a private authority that nobody named',
      () => serverFor(['localhost']),
      undefined,
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'TLS 1.1',
      () => ({
        ...serverFor(['localhost']),
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
      trusting(),
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    ],
  ];
  it.each(cases)('%s', async (_name, options, tls, code) => {
    const upstream = await tlsUpstream(options());
    const gateway = await gatewayTo('localhost', upstream, tls);
    const { status, head, body } = await gateway.get('/');
    expect([status, JSON.parse(body).code]).toEqual([502, 'upstream_failed']);
    expect(gateway.upstreamFaults.map((error) => 'code' in error && error.code)).toEqual([code]);
    expect(head + body).not.toMatch(/certificate|TLS|localhost|CERT/i);
    expect(upstream.received).toEqual([]);
  });

  it('no TLS at all', async () => {
    const gateway = await testGateway({
      routes: (url) => [
        { name: 'all', match: { path: '/*' }, upstream: { targets: [{ url: url.replace('http:', 'https:') }] } },
      ],
    });
    ends.push(() => gateway.close());
    gateway.upstream.answer = (_request, socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    const answer = gateway.get('/');
    await expect.poll(() => gateway.upstream.bytes().length).toBeGreaterThan(0);
    gateway.upstream.answerNow('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect((await answer).status).toBe(502);
    expect(gateway.upstream.bytes()).not.toContain('GET /');
  });
});

it('without verification anybody is spoken to: it must be asked for in so many words', async () => {
  const upstream = await tlsUpstream(serverFor(['other.test'], { days: -1 }, stranger));
  const gateway = await gatewayTo('localhost', upstream, { verify: false });
  expect((await gateway.get('/')).status).toBe(200);
});

describe('an upstream that asks for a client certificate', () => {
  const asking = (): TlsOptions => ({
    ...serverFor(['localhost']),
    ca: authority.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  });

  it('sees the one that is configured', async () => {
    const upstream = await tlsUpstream(asking());
    const { certificatePem, keyPem } = authority.client('the gateway');
    const material = { certificate: certificatePem, key: createPrivateKey(keyPem) };
    const gateway = await gatewayTo('localhost', upstream, trusting({ material }));
    expect((await gateway.get('/')).status).toBe(200);
    expect(upstream.seen[0]?.client).toBe('the gateway');
  });

  it.each([
    ['without one', () => ({})],
    [
      'with one of another authority',
      () => {
        const { certificatePem, keyPem } = stranger.client('the gateway');
        return { certificate: certificatePem, key: createPrivateKey(keyPem) };
      },
    ],
  ])('%s: 502, and no request arrives', async (_name, material) => {
    const upstream = await tlsUpstream(asking());
    const gateway = await gatewayTo('localhost', upstream, trusting({ material: material() }));
    expect((await gateway.get('/')).status).toBe(502);
    expect(upstream.received).toEqual([]);
  });
});

it('routes that trust different authorities share no connection', async () => {
  const upstream = await tlsUpstream(serverFor(['localhost']));
  const url = `https://localhost:${upstream.port}`;
  const gateway = await testGateway({
    routes: () => [
      { name: 'trusting', match: { path: '/a' }, upstream: { targets: [{ url }], tls: trusting() } },
      {
        name: 'not',
        match: { path: '/b' },
        upstream: { targets: [{ url }], tls: { material: { ca: stranger.certificatePem } } },
      },
    ],
  });
  ends.push(() => gateway.close());
  expect([(await gateway.get('/a')).status, (await gateway.get('/b')).status]).toEqual([200, 502]);
  expect(upstream.received).toHaveLength(1);
});
