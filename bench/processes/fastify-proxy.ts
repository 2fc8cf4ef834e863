/** `@fastify/http-proxy` as its pages show it: no log, no hook, as many connections to the upstream as the others. It checks nothing. */
import type { AddressInfo } from 'node:net';
import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';

const [upstream = ''] = process.argv.slice(2);

const server = Fastify({ logger: false });
server.register(httpProxy, {
  upstream: `http://127.0.0.1:${upstream}`,
  undici: { connections: 1024, pipelining: 1 },
});
await server.listen({ port: 0, host: '127.0.0.1' });
console.log(`port ${(server.server.address() as AddressInfo).port}`);
