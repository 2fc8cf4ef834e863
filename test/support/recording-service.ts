/** A service that records what reaches it: every request as it was sent, and connections that became WebSockets. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** RFC 6455 section 1.3. */
const ACCEPTS = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export interface Received {
  readonly method: string;
  /** The request target, as it came. */
  readonly target: string;
  /** Name in lower case and value of each field, in the order of arrival. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export interface RecordingService {
  readonly port: number;
  readonly received: Received[];
  close(): void;
}

/**
 * Answers 200 with its own limits in the header, or the status that `X-Answer` asks for, with the body `from the service`.
 * A request to become a WebSocket is granted, and what comes then is sent back.
 */
export async function recordingService(): Promise<RecordingService> {
  const received: Received[] = [];
  const sockets = new Set<Duplex>();
  const record = ({ method = '', url = '', rawHeaders }: IncomingMessage, body: Buffer): void => {
    const fields: [string, string][] = [];
    for (let at = 0; at < rawHeaders.length; at += 2)
      fields.push([(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? '']);
    received.push({ method, target: url, fields, body });
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => void parts.push(part));
    request.on('end', () => {
      record(request, Buffer.concat(parts));
      response.writeHead(Number(request.headers['x-answer'] ?? 200), { 'X-RateLimit-Limit': '7', 'X-Served': 'yes' });
      response.end('from the service');
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket: Duplex) => {
    record(request, Buffer.alloc(0));
    socket.on('error', () => socket.destroy());
    const key = `${request.headers['sec-websocket-key']}${ACCEPTS}`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
