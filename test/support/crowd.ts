/** Connections by the hundred to one listener, each with the same bytes on it, and what they hear. */
import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface CrowdOptions {
  /** Origin of the listener. */
  readonly origin: string;
  readonly count: number;
  /** Sent on each as soon as it is open. */
  readonly bytes: string;
  /** Whether what comes is read. Default true. */
  readonly reads?: boolean;
}

export interface Crowd {
  /** Connections that are not closed yet. */
  open(): number;
  /** How many heard an answer with this status. */
  heard(status: number): number;
  /** From now on each sends one byte more, every so often. */
  drip(everyMs: number): void;
  /** Resolves when every connection is closed. */
  readonly gone: Promise<unknown>;
  /** Closes what is still open. */
  end(): void;
}

/** What a system lets come in at once without losing some. */
const AT_ONCE = 100;
const STATUS_AT = 9;

/** Resolves when all are open and have sent their bytes. */
export async function crowd({ origin, count, bytes, reads = true }: CrowdOptions): Promise<Crowd> {
  const { port, hostname } = new URL(origin);
  const statuses = new Map<number, number>();
  const sockets: Socket[] = [];
  const closed: Promise<unknown>[] = [];
  const hear = (data: Buffer): void => {
    const status = Number(data.toString('latin1', STATUS_AT, STATUS_AT + 3));
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  };
  const one = (): Socket => {
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.write(bytes);
    closed.push(new Promise((resolve) => socket.once('close', resolve)));
    if (reads) socket.once('data', hear).resume();
    return socket;
  };
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, one);
    await Promise.all(some.map((socket) => once(socket, 'connect')));
    sockets.push(...some);
  }
  let dripping: NodeJS.Timeout | undefined;
  const gone = Promise.all(closed).then(() => clearInterval(dripping));
  return {
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    heard: (status) => statuses.get(status) ?? 0,
    drip(everyMs) {
      dripping = setInterval(() => {
        for (const socket of sockets) if (socket.writable) socket.write('x');
      }, everyMs);
    },
    gone,
    end() {
      clearInterval(dripping);
      for (const socket of sockets) socket.destroy();
    },
  };
}
