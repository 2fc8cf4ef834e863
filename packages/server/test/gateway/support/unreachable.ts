/** Targets that cannot be reached: nobody listens, or nobody takes the connection. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** An origin that refuses connections: its port was free a moment ago. */
export async function refusing(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

const LISTENER = `
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

/** An origin that answers no attempt to connect: a stopped process holds the port, and its queue is full. */
export async function unanswered(): Promise<{ readonly origin: string; end(): void }> {
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(String(text));
  child.kill('SIGSTOP');
  const sockets: Socket[] = [];
  // The queue takes a few more than it was told; the first attempt that hangs shows that it is full.
  for (let at = 0; at < 64; at += 1) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      // What has arrived meanwhile is read first.
      new Promise<false>((resolve) => setTimeout(() => setImmediate(resolve, false), 1_000)),
    ]);
    if (!connected) break;
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    end() {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}
