/** A line to a server that can fall silent, or be cut at a chosen word. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Line {
  /** The URL of the server, by way of this line. */
  readonly url: string;
  /** Everything is swallowed from now on, or flows again; connections that were silent stay silent. */
  silent(silent: boolean): void;
  /** Cuts the connection at the next of these words, before the server hears it or after. */
  cutAt(word: string, when: 'before' | 'after'): void;
  close(): Promise<void>;
}

export async function startLine(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let silent = false;
  let cut: { readonly word: string; readonly when: 'before' | 'after' } | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let cutting = false;
    client.on('data', (chunk: Buffer) => {
      if (silent) return;
      if (cut !== undefined && chunk.includes(cut.word)) {
        cutting = cut.when === 'after';
        cut = undefined;
        if (!cutting) return void client.destroy();
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (cutting) client.destroy();
      else if (!silent) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    silent: (value) => {
      silent = value;
    },
    cutAt: (word, when) => {
      cut = { word, when };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
