/** The line between a proxy and Tessera: counts its connections, and can be cut or go silent. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

export interface Line {
  readonly port: number;
  /** Connections that were made so far. */
  connections(): number;
  /** `up`: everything passes. `cut`: connections are refused, open ones end. `silent`: nothing is heard any more. */
  become(state: 'up' | 'cut' | 'silent'): Promise<void>;
  close(): Promise<void>;
}

/** To this port on loopback; up. */
export async function line(to: number): Promise<Line> {
  const sockets = new Set<Socket>();
  let count = 0;
  let silent = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((socket) => {
    count += 1;
    keep(socket);
    if (silent) return;
    const far = connect(to, '127.0.0.1');
    keep(far);
    socket.pipe(far).pipe(socket);
    socket.once('close', () => far.destroy());
    far.once('close', () => socket.destroy());
  });
  // It comes back to it after it was cut.
  const port = await freePort();
  const open = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  await open();
  return {
    port,
    connections: () => count,
    async become(state) {
      await cut();
      silent = state === 'silent';
      if (state !== 'cut') await open();
    },
    close: cut,
  };
}
