/** On every framework a service whose answers last: `/stream` sends events until somebody ends it, `/slow` waits for the test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Verifier } from '../../../src/index.ts';
import { protect as expressProtect } from '../../../src/middleware/express.ts';
import { tessera } from '../../../src/middleware/fastify.ts';
import { protect as fetchProtect } from '../../../src/middleware/fetch.ts';
import { protect as honoProtect } from '../../../src/middleware/hono.ts';
import { type Denied, protect as nodeProtect } from '../../../src/middleware/node.ts';

export interface Options {
  readonly onDeny: (denied: Denied) => void;
}

/** What the handlers of a service share. */
export class Handlers {
  /** Streams whose handler has heard that they are over. */
  over = 0;
  /** Resolves what `/slow` waits for. */
  readonly slow = Promise.withResolvers<string>();

  /** Until the stream is taken no further. */
  async *events(): AsyncGenerator<string> {
    try {
      for (let number = 1; ; number += 1) {
        yield `data: ${number}\n\n`;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      this.over += 1;
    }
  }
}

export interface StreamingService {
  readonly port: number;
  readonly handlers: Handlers;
  close(): Promise<void>;
}

export interface Pair {
  cert: string;
  key: string;
}

type Serve = (verifier: Verifier, options: Options, pair: Pair) => Promise<StreamingService>;

const SSE = 'text/event-stream';

/** A handler of node:http. */
function nodeHandler(handlers: Handlers) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === '/slow') {
      const text = await handlers.slow.promise;
      response.end(text);
      return;
    }
    response.setHeader('Content-Type', SSE);
    Readable.from(handlers.events())
      .on('error', () => {})
      .pipe(response)
      .on('close', () => {
        handlers.over += 1;
      });
  };
}

/** A handler of the Fetch standard. */
async function fetchHandler(handlers: Handlers, { url }: Request): Promise<Response> {
  if (new URL(url).pathname === '/slow') return new Response(await handlers.slow.promise);
  const encode = new TextEncoder();
  const events = handlers.events();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value } = await events.next();
      controller.enqueue(encode.encode(value));
    },
    async cancel() {
      await events.return(undefined);
    },
  });
  return new Response(body, { headers: { 'Content-Type': SSE } });
}

export const streamingServices: Readonly<Record<string, Serve>> = {
  async 'node:http'(verifier, options) {
    const handlers = new Handlers();
    return listening(createServer(nodeProtect(verifier, options, nodeHandler(handlers))), handlers);
  },

  async 'node:https'(verifier, options, pair) {
    const handlers = new Handlers();
    return listening(createTlsServer(pair, nodeProtect(verifier, options, nodeHandler(handlers))), handlers);
  },

  async 'node:http2'(verifier, options, pair) {
    const handlers = new Handlers();
    const handler = nodeProtect(verifier, options, nodeHandler(handlers));
    const server = createSecureServer(pair, (request, response) => {
      // The compatibility API has the members of node:http that are used here; its types do not say so.
      handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    });
    // Bounded by the test that closes its client.
    return listening(server as unknown as Server, handlers);
  },

  async express(verifier, options) {
    const handlers = new Handlers();
    const app = express();
    app.get(/.*/, expressProtect(verifier, options), nodeHandler(handlers));
    return listening(createServer(app), handlers);
  },

  async fastify(verifier, options) {
    const handlers = new Handlers();
    const app = Fastify();
    await app.register(tessera, { verifier, ...options });
    app.get('/slow', () => handlers.slow.promise);
    app.get('/stream', (_request, reply) => {
      reply.header('Content-Type', SSE);
      return reply.send(Readable.from(handlers.events()));
    });
    await app.listen({ port: 0, host: '127.0.0.1', listenTextResolver: () => '' });
    return { port: portOf(app.server), handlers, close: () => closeServer(app.server) };
  },

  async hono(verifier, options) {
    const handlers = new Handlers();
    return listening(createAdaptorServer({ fetch: honoApp(verifier, options, handlers).fetch }) as Server, handlers);
  },

  /** As on a platform that hands on nothing but the request. */
  async 'hono, off Node'(verifier, options) {
    const handlers = new Handlers();
    const app = honoApp(verifier, options, handlers);
    return listening(createAdaptorServer({ fetch: (request) => app.fetch(request) }) as Server, handlers);
  },

  async fetch(verifier, options) {
    const handlers = new Handlers();
    const handler = fetchProtect(verifier, options, (request) => fetchHandler(handlers, request));
    return listening(createAdaptorServer({ fetch: handler }) as Server, handlers);
  },

  /** As on a platform that hands on nothing but the request. */
  async 'fetch, off Node'(verifier, options) {
    const handlers = new Handlers();
    const handler = fetchProtect(verifier, options, (request) => fetchHandler(handlers, request));
    return listening(createAdaptorServer({ fetch: (request) => handler(request) }) as Server, handlers);
  },
};

function honoApp(verifier: Verifier, options: Options, handlers: Handlers): Hono {
  const app = new Hono();
  app.use('*', honoProtect(verifier, { ...options, clientAddress: () => '127.0.0.1' }));
  app.get('/slow', async (c) => c.text(await handlers.slow.promise));
  app.get('/stream', (c) =>
    streamSSE(c, async (stream) => {
      stream.onAbort(() => {
        handlers.over += 1;
      });
      for (let number = 1; !stream.aborted; number += 1) {
        await stream.writeSSE({ data: String(number) });
        await stream.sleep(10);
      }
    }),
  );
  return app;
}

async function listening(server: Server, handlers: Handlers): Promise<StreamingService> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server), handlers, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections?.();
  await closed;
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  return address.port;
}
