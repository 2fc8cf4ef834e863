/** A service that waits for every body to its end, makes answers of any length, and knows who is connected. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface PatientService {
  readonly origin: string;
  /** Requests that have come. */
  begun(): number;
  /** Those of them whose body or answer is under way. */
  underWay(): number;
  /** Bodies that came to their end. */
  whole(): number;
  close(): void;
}

const PIECE = Buffer.alloc(65_536, 'x');

/**
 * Answers `/.../<bytes>` with so many, as fast as they are taken, and everything else with `ok`. `pieceEveryMs` makes long
 * answers slowly, a piece of 64 KiB at a time.
 */
export async function patientService({ pieceEveryMs = 0 } = {}): Promise<PatientService> {
  let begun = 0;
  let underWay = 0;
  let whole = 0;
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    begun += 1;
    underWay += 1;
    response.once('close', () => {
      underWay -= 1;
    });
    request.resume().on('end', () => {
      if (request.method !== 'GET') whole += 1;
      const bytes = Number(/\/([0-9]+)$/.exec(request.url ?? '')?.[1] ?? 0);
      if (bytes === 0) response.end('ok');
      else pour(response, bytes, pieceEveryMs).catch(() => response.destroy());
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    begun: () => begun,
    underWay: () => underWay,
    whole: () => whole,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function pour(response: ServerResponse, bytes: number, pieceEveryMs: number): Promise<void> {
  const over = new Promise((resolve) => response.once('close', resolve));
  response.writeHead(200, { 'Content-Length': bytes });
  for (let left = bytes; left > 0 && !response.destroyed; left -= PIECE.length) {
    const hasRoom = response.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE);
    if (!hasRoom) await Promise.race([once(response, 'drain'), over]);
    if (pieceEveryMs > 0) await Promise.race([delay(pieceEveryMs), over]);
  }
  response.end();
}
