/** A listener: accepts connections, in clear or over TLS, and ends without losing a request. */
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import { tellArrival } from './arrival.ts';
import { type Http1, http1 } from './http1.ts';
import { type Http2, http2 } from './http2.ts';
import {
  LISTEN_LIMITS,
  type Listener,
  type ListenLimits,
  type ListenOptions,
  type ProxyListening,
  type TlsListening,
} from './listen-options.ts';
import { proxiedServer, tellAddress } from './proxied.ts';
import { hardened, tlsServer } from './tls.ts';

/** Resolves when the port is bound; rejects where it cannot be. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const limits = Object.freeze({ ...LISTEN_LIMITS, ...options.limits });
  const connections = new Set<Socket>();
  const known = (socket: Socket): void => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  };
  const serving = options.tls === undefined ? inClear(options, limits) : overTls(options, options.tls, limits);
  const { accepts } = serving;
  accepts.on('connection', known);
  // Of these what was read counts, too: a handshake is no request.
  serving.tls?.on('secureConnection', known);
  accepts.maxConnections = limits.maxConnections;
  accepts.on('drop', () => options.onCrowded?.());
  const port = await bound(accepts, options);
  return {
    port,
    renew: serving.renew,
    lastAnswers: () => lastAnswers(serving),
    close: (graceMs) => drain(serving, connections, graceMs),
  };
}

interface Serving {
  /** Listens on the port. */
  readonly accepts: Server;
  readonly tls?: Server;
  readonly http1: Http1;
  readonly http2?: Http2;
  readonly renew: Listener['renew'];
}

function inClear(options: ListenOptions, limits: ListenLimits): Serving {
  const plain = http1(options, limits);
  if (options.exposed === true)
    plain.server.on('connection', (socket) =>
      tellArrival(socket, { secure: false, exposed: true, certificate: undefined }),
    );
  const accepts =
    options.proxied === undefined
      ? plain.server
      : proxiedServer(
          options.proxied,
          (socket, address) => {
            tellAddress(socket, address);
            plain.adopt(socket);
            socket.resume();
          },
          limits,
        );
  return { accepts, http1: plain, renew: () => {} };
}

function overTls(options: ListenOptions, tls: TlsListening, limits: ListenLimits): Serving {
  const older = http1(options, limits);
  const newer = http2(options, limits);
  const server = tlsServer(tls, { http1: older.adopt, http2: newer.serve }, limits);
  return {
    accepts: options.proxied === undefined ? server : behindProxy(options.proxied, server, limits),
    tls: server,
    http1: older,
    http2: newer,
    renew: (context) => server.setSecureContext(hardened(context, tls)),
  };
}

/** The header comes before the handshake; before and after it the connection has the same two ends, and no other has both. */
function behindProxy(proxied: ProxyListening, server: TlsServer, limits: ListenLimits): Server {
  const clients = new Map<string, string | undefined>();
  const endsOf = ({ remoteAddress, remotePort, localAddress }: Socket): string =>
    `${remoteAddress} ${remotePort} ${localAddress}`;
  // First of all listeners: whoever serves the connection asks it for its peer.
  server.prependListener('secureConnection', (socket) => tellAddress(socket, clients.get(endsOf(socket))));
  return proxiedServer(
    proxied,
    (socket, address) => {
      const ends = endsOf(socket);
      clients.set(ends, address);
      socket.once('close', () => clients.delete(ends));
      server.emit('connection', socket);
    },
    limits,
  );
}

function bound(server: Server, { host, port, reusePort = false }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, reusePort }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** A connection that was just made may have its first request on the way; one that stays silent for so long does not. */
const UNUSED_MS = 500;

function lastAnswers({ http1, http2 }: Serving): void {
  http1.lastAnswers();
  http2?.lastAnswers();
}

function drain(serving: Serving, connections: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  const { accepts, http1 } = serving;
  lastAnswers(serving);
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of connections) socket.destroy();
    }, graceMs);
    const cutUnused = setTimeout(() => {
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    }, UNUSED_MS);
    accepts.close(() => {
      clearTimeout(cut);
      clearTimeout(cutUnused);
      // The server may say so before its connections do, and what ran on them is recorded when they close.
      resolve(Promise.all([...connections].map((socket) => once(socket, 'close'))).then(() => {}));
    });
    http1.end();
  });
}
