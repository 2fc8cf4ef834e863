/** A request written by hand: what `fetch` would tidy up or refuse to send. */
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import type { Server } from './server.ts';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends the lines and the body, with Host and `Connection: close`, and reads until the server closes. */
export function rawRequest(
  server: Pick<Server, 'url'>,
  lines: readonly string[],
  body: string | Buffer = '',
): Promise<RawAnswer> {
  const { port, hostname, host } = new URL(server.url);
  const [first = '', ...fields] = lines;
  const head = [first, `Host: ${host}`, 'Connection: close', ...fields, '', ''].join('\r\n');
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const finish = (): void => {
      const text = Buffer.concat(parts).toString('utf8');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) reject(new Error(`no answer: ${text}`));
      else resolve({ status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) });
    };
    // A refused body is cut while it is being sent: what was answered before counts.
    socket.on('error', finish).on('end', finish);
    socket.on('data', (part: Buffer) => void parts.push(part));
    socket.write(head, 'latin1');
    if (body.length > 0) socket.write(body);
  });
}
