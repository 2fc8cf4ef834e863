/** Refuses ports that somebody listens on already. Where ports are shared, the system itself lets a second server of one user join. */
import { createServer } from 'node:net';

/** Throws what listening throws. A port of 0 is always free. */
export async function requireFreePorts(host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports.filter((one) => one !== 0)) await listenOnce(host, port);
}

function listenOnce(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port }, () => server.close(() => resolve()));
  });
}
