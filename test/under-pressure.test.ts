/** Connections by the thousand, idle or slow, take bounded memory and time, and nobody else's calls. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, expect, test } from 'vitest';
import { caller } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(endServers);

const IDLE = 10_000;
const SLOW = 1000;
const MOST_BYTES = 250_000_000;
/** What a system lets come in at once without losing some. */
const AT_ONCE = 100;

test(`${IDLE} idle connections take less than 250 MB, and calls are answered beside them`, async () => {
  const server = await startServer({ env: { TESSERA_LOG_LEVEL: 'warn' } });
  const call = await protectedCall(server);
  const before = await residentBytes(server);
  await open(server, IDLE, `GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n`);
  // Each has been served once, and is kept.
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  expect(await call()).toBe(200);
  expect((await residentBytes(server)) - before).toBeLessThan(MOST_BYTES);
  expect(sockets.filter((socket) => socket.destroyed)).toEqual([]);
}, 120_000);

test(
  'a listener that holds as many connections as it may closes one more, and says so in its metrics',
  async () => {
    const server = await startServer({ env: { TESSERA_MAX_CONNECTIONS: '4' } });
    await open(server, 4, '');
    const [refused] = await open(server, 1, '');
    await once(refused as Socket, 'close');
    expect(await metric(server, 'tessera_connections_refused_total')).toBe(1);
  },
  STARTS_MS,
);

test(`${SLOW} connections that never end their header sections are cut, and every call beside them is answered`, async () => {
  const server = await startServer({ env: { TESSERA_LOG_LEVEL: 'warn' } });
  const call = await protectedCall(server);
  const slow = await open(server, SLOW, 'GET /echo/x HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  const state = { open: SLOW };
  for (const socket of slow)
    socket.resume().once('close', () => {
      state.open -= 1;
    });
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('x');
  }, 1000);
  const began = performance.now();
  const statuses = new Set<number>();
  while (state.open > 0 && performance.now() - began < 60_000) statuses.add(await call());
  clearInterval(drip);
  expect(state.open).toBe(0);
  expect([...statuses]).toEqual([200]);
}, 120_000);

/** Opens so many connections to the gateway, and sends this on each. */
async function open(server: Server, count: number, bytes: string): Promise<readonly Socket[]> {
  const { port, hostname } = new URL(server.gateway);
  const opened: Socket[] = [];
  while (opened.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - opened.length) }, () => {
      const socket = connect(Number(port), hostname).on('error', () => {});
      if (bytes !== '') socket.write(bytes);
      return socket;
    });
    await Promise.all(some.map((socket) => once(socket, 'connect')));
    opened.push(...some);
  }
  sockets.push(...opened);
  return opened;
}

async function protectedCall(server: Server): Promise<() => Promise<number>> {
  const { token } = await caller(server, server.rootToken).mint({ name: 'caller', scopes: [] });
  return async () => {
    const response = await fetch(`${server.gateway}/echo/x`, { headers: { Authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
    return response.status;
  };
}

function residentBytes(server: Server): Promise<number> {
  return metric(server, 'process_resident_memory_bytes');
}
