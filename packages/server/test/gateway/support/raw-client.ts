/** A client that writes the bytes it is given and hears what comes back, until the other side closes. */
import { connect, type Socket } from 'node:net';

export interface Heard {
  readonly text: string;
  /** How the connection ended: with an orderly end, or cut. */
  readonly end: 'clean' | 'reset';
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly end: Heard['end'];
}

const PATIENCE_MS = 30_000;

/** Writes everything at once; resolves when the connection is over. Rejects where it stays open. */
export function exchange(port: number, bytes: string): Promise<Heard> {
  return hear(connection(port, bytes));
}

export function connection(port: number, bytes: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  return socket;
}

export function hear(socket: Socket): Promise<Heard> {
  return new Promise((resolve, reject) => {
    let text = '';
    let end: Heard['end'] = 'reset';
    socket.setEncoding('latin1');
    const impatient = setTimeout(() => {
      socket.destroy();
      reject(new Error(`still open after ${PATIENCE_MS} ms, having said: ${text}`));
    }, PATIENCE_MS);
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('end', () => {
      end = 'clean';
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(impatient);
      resolve({ text, end });
    });
  });
}

/** Resolves when what the socket said so far holds this text. */
export function until(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const take = (chunk: unknown): void => {
      heard += String(chunk);
      if (!heard.includes(text)) return;
      socket.off('data', take);
      resolve(heard);
    };
    socket.setEncoding('latin1');
    socket.on('data', take);
    socket.on('close', () => reject(new Error(`closed, having said: ${heard}`)));
  });
}

/** The first answer of what was heard. */
export async function answerOf(heard: Promise<Heard>): Promise<RawAnswer> {
  const { text, end } = await heard;
  const split = text.indexOf('\r\n\r\n');
  return { status: Number(text.slice(9, 12)), head: text.slice(0, split), body: text.slice(split + 4), end };
}
