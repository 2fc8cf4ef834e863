/** An upstream that keeps the bytes of every request as they came, and answers with bytes that a test chooses. */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

export type Answer = (request: string, socket: Socket) => void;

export interface RecordingUpstream {
  readonly origin: string;
  readonly authority: string;
  /** One text a request, a character a byte: header section and body as they were framed. */
  readonly requests: string[];
  /** Everything that came on all connections. */
  readonly bytes: () => string;
  answer: Answer;
  /** Answers on the connection that came last, whether its request is whole or not. */
  answerNow(bytes: string): void;
  /** Takes no more bytes from the connections that come from now on. */
  stopReading(): void;
  /** Resolves with the bytes that came so far, as soon as they hold this text. */
  seen(text: string): Promise<string>;
  /** Resolves when a connection to it has ended, however. */
  readonly disconnected: Promise<void>;
  close(): Promise<void>;
}

export const answerWith =
  (...parts: readonly string[]): Answer =>
  (_request, socket) => {
    socket.write(parts.join(''), 'latin1');
  };

export const OK = answerWith('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello');

export async function recordingUpstream(): Promise<RecordingUpstream> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const waiting = new Set<() => void>();
  const over = Promise.withResolvers<void>();
  let all = '';
  let last: Socket | undefined;
  let reading = true;
  const server = createServer((socket) => {
    sockets.add(socket);
    last = socket;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      over.resolve();
    });
    if (!reading) return;
    let pending = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      pending += String(chunk);
      all += String(chunk);
      for (const check of waiting) check();
      for (let end = endOfMessage(pending); end > 0; end = endOfMessage(pending)) {
        const request = pending.slice(0, end);
        pending = pending.slice(end);
        requests.push(request);
        upstream.answer(request, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const upstream: RecordingUpstream = {
    origin: `http://${authority}`,
    authority,
    requests,
    bytes: () => all,
    answer: OK,
    answerNow: (bytes) => void last?.write(bytes, 'latin1'),
    stopReading: () => {
      reading = false;
    },
    seen: (text) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!all.includes(text)) return;
          waiting.delete(check);
          resolve(all);
        };
        waiting.add(check);
        check();
      }),
    disconnected: over.promise,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}

/** Length of the first message, by the strictest reading; 0 where it is not whole yet. */
function endOfMessage(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const start = head + 4;
  const fields = text.slice(0, start);
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(fields)) {
    const last = text.indexOf('0\r\n\r\n', start);
    return last < 0 ? 0 : last + 5;
  }
  const length = Number(/\r\ncontent-length: ([0-9]+)\r\n/i.exec(fields)?.[1] ?? 0);
  return text.length < start + length ? 0 : start + length;
}

/** Values of a field of a recorded request, in order. */
export function valuesOf(request: string, name: string): string[] {
  const head = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  return head
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
    .filter(([field]) => field.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}
