/** Reads answers off a connection that has one request under way. Every server here states a length. */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

/** Calls back for each whole answer; `keeps` tells whether the server takes another request on this connection. */
export function onAnswers(socket: Socket, take: (answer: Buffer, keeps: boolean) => void): void {
  let parts: Buffer[] = [];
  let missing = 0;
  let keeps = true;
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    if (parts.length === 1) {
      const head = chunk.toString('latin1', 0, chunk.indexOf('\r\n\r\n') + 4);
      const length = /\r\nContent-Length: ([0-9]+)\r\n/i.exec(head)?.[1];
      if (length === undefined) throw new Error(`an answer without a length: ${chunk.toString('latin1')}`);
      keeps = !/\r\nConnection: close\r\n/i.test(head);
      missing = head.length + Number(length);
    }
    missing -= chunk.length;
    if (missing > 0) return;
    const answer = parts.length === 1 ? chunk : Buffer.concat(parts);
    parts = [];
    take(answer, keeps);
  });
}
