/** A request whose body stays unfinished for as long as a test wants. */
import { connect } from 'node:net';
import type { Server } from './server.ts';

export interface SlowRequest {
  /** Sends the rest, and resolves with the whole answer when the server closes the connection. */
  finish(): Promise<string>;
  /** Resolves when the connection is gone. */
  readonly left: Promise<void>;
}

const START = 5;

/** Resolves when the server has read the head, judged it and asked for the body (RFC 9110 section 10.1.1). */
export async function slowMint(server: Pick<Server, 'url'>, token: string): Promise<SlowRequest> {
  const body = '{"name":"slow","scopes":[]}';
  const { port, host, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  let text = '';
  socket.on('data', (part) => {
    text += part;
  });
  // A server that is stopped cuts it: what was answered until then counts.
  socket.on('error', () => {});
  const left = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const ended = new Promise<string>((resolve) => socket.once('end', () => resolve(text)));
  const asked = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.write(
    `POST /v1/tokens HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await asked;
  socket.write(body.slice(0, START));
  return {
    left,
    finish() {
      socket.write(body.slice(START));
      return ended;
    },
  };
}
