/** Requests that are over leave nothing behind, however many they were: what follows them lets go of them. */
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import type { Verifier } from '../../src/index.ts';
import { protect as fetchProtect } from '../../src/middleware/fetch.ts';
import { protect as honoProtect } from '../../src/middleware/hono.ts';
import { protect as nodeProtect } from '../../src/middleware/node.ts';
import { factsOf, TOKEN } from '../support/tokens.ts';
import { following } from '../support/told-server.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const REQUESTS = 10_000;
const AT_ONCE = 20;
/** Of each request some hundred bytes would be left: the call, what it was judged with, and its answer. */
const MOST_BYTES = REQUESTS * 150;

const headers = { authorization: `Bearer ${TOKEN}` };

interface Asking {
  readonly ask: () => Promise<unknown>;
  readonly close?: () => void;
}

/** Express, Fastify and Hono on Node use the answer of node:http, too. */
const services: Readonly<Record<string, (verifier: Verifier) => Promise<Asking>>> = {
  async 'over the answer of a connection'(verifier) {
    const server = createServer(nodeProtect(verifier, {}, (_request, response) => response.end('{}')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    return {
      async ask() {
        const asked = request({ host: '127.0.0.1', port, headers, agent }).end();
        const [answer] = await once(asked, 'response');
        await text(answer);
      },
      close() {
        agent.destroy();
        server.close();
      },
    };
  },
  async 'over the body of a Response'(verifier) {
    const handler = fetchProtect(verifier, {}, () => Response.json({}));
    return { ask: async () => (await handler(new Request('http://a.test/', { headers }))).text() };
  },
  async 'over a body that nobody reads'(verifier) {
    const handler = fetchProtect(verifier, {}, () => Response.json({}));
    return { ask: () => handler(new Request('http://a.test/', { headers })) };
  },
  async 'over the answer of Hono'(verifier) {
    const app = new Hono().get('/', honoProtect(verifier), (c) => c.json({}));
    return { ask: async () => (await app.request('/', { headers })).text() };
  },
};

it.each(Object.entries(services))('10,000 requests, followed %s', async (_name, serve) => {
  await using held = await following();
  held.server.tokens.set(TOKEN, factsOf({ expiresAt: undefined }));
  held.stream.beat({ seq: 0, clock: 0 });
  await held.settled();
  const { ask, close } = await serve(held.verifier);
  const heapAfter = async (count: number): Promise<number> => {
    for (let done = 0; done < count; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, ask));
    // The last answers are over when their connections say so.
    await held.settled();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(2000);
  expect((await heapAfter(REQUESTS)) - before).toBeLessThan(MOST_BYTES);
  expect(held.verifier.metrics()).toMatchObject({ liveCalls: 0, cutCalls: 0 });
  expect(held.verifier.metrics().hits).toBeGreaterThanOrEqual(REQUESTS);
  close?.();
});
