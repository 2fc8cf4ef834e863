/** What a listener knows of each of its connections. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Connection {
  /** The latest request, as long as it is not answered. */
  latest: ServerResponse | undefined;
  /** Requests that wait for the one before them. */
  waiting: number;
}

/**
 * One entry for a connection, which its requests change in place. Entries that came and went with each request would keep
 * everything of it: a Map that is emptied as fast as it is filled is made anew again and again, and what its former selves
 * point to survives until the next full garbage collection.
 */
export class Connections implements Iterable<Connection> {
  readonly #open = new Map<Duplex, Connection>();

  of(socket: Duplex): Connection {
    const known = this.#open.get(socket);
    if (known !== undefined) return known;
    const connection: Connection = { latest: undefined, waiting: 0 };
    if (!socket.destroyed) {
      this.#open.set(socket, connection);
      socket.once('close', () => this.#open.delete(socket));
    }
    return connection;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open.values();
  }
}
