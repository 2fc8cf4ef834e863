/** A server of bare sockets: it answers with exactly the bytes that a test gives, as fast as it likes, and ends as it likes. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** The head of each request, in the order of arrival. */
  readonly heads: readonly string[];
  /** What the next connections get once a request has arrived whole; the last one repeats. */
  script(...answers: readonly RawAnswer[]): void;
}

export type RawAnswer = (socket: Socket) => void;

export async function rawServer(): Promise<RawServer> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  let answers: RawAnswer[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = received.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (received.length < end + 4 + length) return;
      received = received.slice(end + 4 + length);
      heads.push(head);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heads,
    script: (...next) => {
      answers = [...next];
      heads.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A whole answer, after which the connection ends. */
export function answerText(body: string, fields = 'content-type: application/json'): string {
  return `HTTP/1.1 200 OK\r\n${fields}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
