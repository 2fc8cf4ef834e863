/** `http-proxy-3` with an agent that keeps its connections, which by itself it does not. It checks nothing. */
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'http-proxy-3';

const [upstream = ''] = process.argv.slice(2);

const agent = new Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 });
const proxy = createProxyServer({ target: `http://127.0.0.1:${upstream}`, agent });
proxy.on('error', (error) => {
  console.error(error);
  process.exit(1);
});

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => proxy.web(request, response));
server.maxRequestsPerSocket = 100_000;
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
