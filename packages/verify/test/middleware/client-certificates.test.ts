/** Where a client certificate is required, the connection must have proved one of an authority that the service names. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, describe, expect, it } from 'vitest';
import { certificates, type Pair } from '../../../../test/support/certificates.ts';
import { type Circumstances, type Verifier, verifierOver } from '../../src/index.ts';
import { protect as expressProtect } from '../../src/middleware/express.ts';
import { tessera } from '../../src/middleware/fastify.ts';
import { protect as fetchProtect } from '../../src/middleware/fetch.ts';
import { protect as honoProtect } from '../../src/middleware/hono.ts';
import { type GuardOptions, protect as nodeProtect } from '../../src/middleware/node.ts';
import { portsOf, portsWith } from '../support/ports.ts';
import { TOKEN } from '../support/tokens.ts';

const authority = certificates();
const stranger = certificates('Somebody else');
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
  authority.remove();
  stranger.remove();
});

const own = authority.server(['127.0.0.1']);
const known = authority.client('robot');
/** Anybody may connect: what a certificate is worth is told to the service. */
const TLS = {
  cert: own.certificatePem,
  key: own.keyPem,
  ca: authority.certificatePem,
  requestCert: true,
  rejectUnauthorized: false,
};

type Options = Pick<GuardOptions, 'clientCertificate' | 'trustedProxies'>;

const services: Readonly<Record<string, (verifier: Verifier, options: Options) => Promise<Server>>> = {
  node: async (verifier, options) =>
    createServer(
      TLS,
      nodeProtect(verifier, options, (_request, response) => response.end('{}')),
    ),
  async 'node, over HTTP/2'(verifier, options) {
    const handler = nodeProtect(verifier, options, (_request, response) => response.end('{}'));
    return createSecureServer({ ...TLS, allowHTTP1: false }, (request, response) => {
      // The compatibility API has the members of node:http that are used here; its types do not say so.
      handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    }) as unknown as Server;
  },
  async express(verifier, options) {
    const app = express().get('/orders', expressProtect(verifier, options), (_request, response) => {
      response.json({});
    });
    return createServer(TLS, app);
  },
  async fastify(verifier, options) {
    const app = Fastify({ https: TLS });
    await app.register(tessera, { verifier });
    const { clientCertificate } = options;
    app.get(
      '/orders',
      { config: { tessera: clientCertificate === undefined ? {} : { clientCertificate } } },
      () => ({}),
    );
    await app.ready();
    return app.server as unknown as Server;
  },
  async hono(verifier, options) {
    const app = new Hono().get('/orders', honoProtect(verifier, options), (c) => c.json({}));
    return createAdaptorServer({ fetch: app.fetch, createServer, serverOptions: TLS }) as unknown as Server;
  },
};

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, pair: Pair | undefined, isHttp2: boolean): Promise<readonly [unknown, unknown]> {
  const tls = { ca: authority.certificatePem, ...(pair && { cert: pair.certificatePem, key: pair.keyPem }) };
  const headers = { authorization: `Bearer ${TOKEN}` };
  if (isHttp2) {
    const session = connectHttp2(`https://127.0.0.1:${port}`, tls);
    const stream = session.request({ ':path': '/orders', ...headers });
    const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
    const { code } = (await json(stream)) as { readonly code?: string };
    session.close();
    return [fields[':status'], code];
  }
  const asked = request({ host: '127.0.0.1', port, path: '/orders', headers, agent: false, ...tls }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const { code } = (await json(answer)) as { readonly code?: string };
  return [answer.statusCode, code];
}

describe.each(Object.entries(services))('%s', (name, serve) => {
  const isHttp2 = name.endsWith('HTTP/2');
  const served = async (verifier: Verifier, options: Options) => listening(await serve(verifier, options));

  it('passes who proved one, and nobody else', async () => {
    const port = await served(verifierOver(portsOf()), { clientCertificate: true });
    expect(await ask(port, known, isHttp2)).toEqual([200, undefined]);
    expect(await ask(port, undefined, isHttp2)).toEqual([401, 'invalid_token']);
    expect(await ask(port, stranger.client('robot'), isHttp2)).toEqual([401, 'invalid_token']);
    expect(await ask(port, authority.client('robot', { days: -1 }), isHttp2)).toEqual([401, 'invalid_token']);
  });

  it('asks for none where none is required', async () => {
    const port = await served(verifierOver(portsOf()), {});
    expect(await ask(port, undefined, isHttp2)).toEqual([200, undefined]);
  });

  it('asks for one where the verifier does, and hands on its thumbprint and its end', async () => {
    const allowing = verifierOver(portsOf(), { clientCertificate: true });
    const seen: Circumstances[] = [];
    const verifier: Verifier = {
      ...allowing,
      verify(presented, asked) {
        seen.push(asked.circumstances);
        return allowing.verify(presented, asked);
      },
    };
    const port = await served(verifier, {});
    expect(await ask(port, known, isHttp2)).toEqual([200, undefined]);
    expect(await ask(port, undefined, isHttp2)).toEqual([401, 'invalid_token']);
    const [proved, none] = seen;
    expect(proved?.certificate?.thumbprint).toBe(known.thumbprint);
    expect(Math.abs((proved?.certificate?.expiresAt ?? 0) - (Date.now() + 30 * 86_400_000))).toBeLessThan(600_000);
    expect(none?.certificate).toBeUndefined();
  });
});

it('a certificate that has ended since the handshake counts no more', async () => {
  const service = services.node;
  if (service === undefined) throw new Error('no service');
  const clock = { now: () => Date.now() + 31 * 86_400_000 };
  const verifier = verifierOver(portsWith({ expiresAt: undefined }, { clock }));
  const [asking, plain] = [
    await listening(await service(verifier, { clientCertificate: true })),
    await listening(await service(verifier, {})),
  ];
  expect(await ask(plain, known, false)).toEqual([200, undefined]);
  expect(await ask(asking, known, false)).toEqual([401, 'invalid_token']);
});

it('what a trusted proxy proves is not its client’s', async () => {
  const service = services.node;
  if (service === undefined) throw new Error('no service');
  const options = { clientCertificate: true, trustedProxies: ['127.0.0.1'] };
  const port = await listening(await service(verifierOver(portsOf()), options));
  expect(await ask(port, known, false)).toEqual([401, 'invalid_token']);
});

it('a handler of the Fetch standard, which hears of no connection, does not start with it', () => {
  const handler = () => new Response();
  const requiring = verifierOver(portsOf(), { clientCertificate: true });
  expect(() => fetchProtect(requiring, {}, handler)).toThrow(TypeError);
  const options = { clientCertificate: true } as object;
  expect(() => fetchProtect(verifierOver(portsOf()), options, handler)).toThrow(TypeError);
});
