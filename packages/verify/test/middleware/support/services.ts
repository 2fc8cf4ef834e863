/** The same service on every framework: it answers with whom it was told calls, and counts how often it was reached. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import type { Verifier } from '../../../src/index.ts';
import { protect as expressProtect } from '../../../src/middleware/express.ts';
import { tessera } from '../../../src/middleware/fastify.ts';
import { protect as fetchProtect } from '../../../src/middleware/fetch.ts';
import { protect as honoProtect, type TesseraEnv } from '../../../src/middleware/hono.ts';
import { type Denied, type GuardOptions, protect as nodeProtect } from '../../../src/middleware/node.ts';

/** Options that every framework takes alike. */
export type CommonOptions = Omit<GuardOptions<IncomingMessage>, 'clientAddress' | 'onDeny'> & {
  readonly onDeny?: (denied: Denied) => void;
};

export interface Service {
  readonly port: number;
  /** Requests that reached the handler. */
  reached(): number;
  close(): Promise<void>;
}

/** `Cache-Control` of the handler's own, where the path asks for it. */
const CACHED = 'max-age=60';
const isCached = (path: string): boolean => path.startsWith('/cached');

export const frameworks: Readonly<Record<string, (verifier: Verifier, options?: CommonOptions) => Promise<Service>>> = {
  async node(verifier, options = {}) {
    const reached = counter();
    const handler = nodeProtect(verifier, options, (request, response, caller) => {
      reached.count();
      if (isCached(request.url ?? '')) response.setHeader('Cache-Control', CACHED);
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ caller }));
    });
    return listening(createServer(handler), reached);
  },

  async express(verifier, options = {}) {
    const reached = counter();
    const app = express();
    app.get(/.*/, expressProtect(verifier, options), (request, response) => {
      reached.count();
      if (isCached(request.path)) response.set('Cache-Control', CACHED);
      response.json({ caller: request.tessera });
    });
    return listening(createServer(app), reached);
  },

  async fastify(verifier, options = {}) {
    const reached = counter();
    const app = Fastify();
    await app.register(tessera, { verifier, ...options });
    app.get('*', (request, reply) => {
      reached.count();
      if (isCached(request.url)) reply.header('Cache-Control', CACHED);
      return { caller: request.tessera };
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: portOf(app.server), reached: reached.read, close: () => app.close() };
  },

  async hono(verifier, options = {}) {
    const reached = counter();
    const app = new Hono<TesseraEnv>();
    app.get('*', honoProtect(verifier, options), (c) => {
      reached.count();
      if (isCached(c.req.path)) c.header('Cache-Control', CACHED);
      return c.json({ caller: c.get('tessera') });
    });
    return listening(createAdaptorServer({ fetch: app.fetch }) as Server, reached);
  },

  async fetch(verifier, { trustedProxies, trustedHops, forwardedHeader, ...options } = {}) {
    const reached = counter();
    const handler = fetchProtect(
      verifier,
      // The platform knows the client; here it is always the same one.
      { ...options, clientAddress: () => '127.0.0.1' },
      (request, caller) => {
        reached.count();
        const headers = isCached(new URL(request.url).pathname) ? { 'Cache-Control': CACHED } : {};
        return Response.json({ caller }, { headers });
      },
    );
    return listening(createAdaptorServer({ fetch: (request) => handler(request) }) as Server, reached);
  },
};

function counter() {
  let reached = 0;
  return {
    count() {
      reached += 1;
    },
    read: () => reached,
  };
}

async function listening(server: Server, reached: ReturnType<typeof counter>): Promise<Service> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    reached: reached.read,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  return address.port;
}
