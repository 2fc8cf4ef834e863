/** Answers on a connection whose parser has let it go, because its request may change the protocol. */
import type { Buffer } from 'node:buffer';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface UpgradedConnection {
  readonly connection: Socket;
  readonly early: Buffer;
  readonly unreadTimeoutMs: number;
}

/**
 * A response like any other, so that such a request is refused, or answered by its upstream, as all are. The connection
 * ends with it: nobody reads a next request, and a client that takes nothing of it for so long is cut. `early` are bytes
 * that came behind the request; they stand first in what is read next. Whoever takes the connection over writes to it and not
 * to the response, which closes with it, and knows how long its silence may be.
 */
export function responseOn(
  request: IncomingMessage,
  { connection, early, unreadTimeoutMs }: UpgradedConnection,
): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(connection);
  // What the server does for the connections that it still knows.
  connection.setTimeout(unreadTimeoutMs);
  connection.on('timeout', () => {
    if (response.headersSent && connection.writableLength > 0) connection.destroy();
  });
  connection.on('error', () => connection.destroy());
  connection.on('drain', () => response.emit('drain'));
  response.on('finish', () => connection.destroySoon());
  if (early.length > 0) connection.unshift(early);
  return response;
}
