/** A listener: accepts connections, and ends without losing a request. */
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { type Http1, http1 } from './http1.ts';
import { LISTEN_LIMITS, type Listener, type ListenOptions } from './listen-options.ts';

/** Resolves when the port is bound; rejects where it cannot be. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const limits = Object.freeze({ ...LISTEN_LIMITS, ...options.limits });
  const connections = new Set<Socket>();
  const overHttp1 = http1(options, limits);
  const { server } = overHttp1;
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.maxConnections = limits.maxConnections;
  server.on('drop', () => options.onCrowded?.());
  const port = await bound(server, options);
  return { port, close: (graceMs) => drain(overHttp1, connections, graceMs) };
}

function bound(server: Server, { host, port }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** A connection that was just made may have its first request on the way; one that stays silent for so long does not. */
const UNUSED_MS = 500;

function drain({ server, lastAnswers }: Http1, connections: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  lastAnswers();
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of connections) socket.destroy();
    }, graceMs);
    const cutUnused = setTimeout(() => {
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    }, UNUSED_MS);
    server.close(() => {
      clearTimeout(cut);
      clearTimeout(cutUnused);
      // The server may say so before its connections do, and what ran on them is recorded when they close.
      resolve(Promise.all([...connections].map((socket) => once(socket, 'close'))).then(() => {}));
    });
  });
}
