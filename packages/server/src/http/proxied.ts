/** Connections from a proxy that says in their first bytes who the client is (PROXY protocol). */
import { Buffer } from 'node:buffer';
import { createServer, type Server, type Socket } from 'node:net';
import { peerAddress } from '@tessera/verify';
import type { ListenLimits, ProxyListening } from './listen-options.ts';
import { proxyHeader } from './proxy-header.ts';

/**
 * The server that accepts the connections; it is not listening yet. Each is handed over after its header, with the
 * address of the client (undefined: unknown); one from another peer than our proxies, or without a header, is closed.
 * It is paused then, with the first bytes of the client to be read.
 */
export function proxiedServer(
  { trusts, onRefused }: ProxyListening,
  serve: (socket: Socket, address: string | undefined) => void,
  limits: ListenLimits,
): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = peerAddress(socket.remoteAddress);
    const refuse = (): void => {
      onRefused();
      socket.destroy();
    };
    // Whoever could send a header from anywhere else would choose its address.
    if (peer === undefined || !trusts(peer)) {
      refuse();
      return;
    }
    const slow = setTimeout(refuse, limits.headersTimeoutMs);
    let pending: Buffer = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(slow);
      socket.off('data', take).off('end', gone).off('error', gone).off('close', settle);
    };
    const gone = (): void => void socket.destroy();
    const take = (chunk: Buffer): void => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const read = proxyHeader(pending);
      if (read.outcome === 'more') return;
      settle();
      if (read.outcome === 'invalid') {
        refuse();
        return;
      }
      socket.pause();
      if (read.length < pending.length) socket.unshift(pending.subarray(read.length));
      serve(socket, read.from === 'proxy' ? peer : read.address);
    };
    socket.on('data', take).on('end', gone).on('error', gone).on('close', settle);
  });
}

/** Everybody who asks the connection for its peer hears of the client. */
export function tellAddress(socket: Socket, address: string | undefined): void {
  Object.defineProperty(socket, 'remoteAddress', { value: address, enumerable: true });
}
