/** The end of an answer that cannot be finished: whatever the client has got of it must not look whole. */
import type { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';

/**
 * Resets the connection, or the stream. Over TLS it is closed without a word (RFC 9112 section 9.8 calls such an answer
 * incomplete): Node resets connections of TCP alone, and throws for all others.
 */
export function cutOff({ socket }: ServerResponse): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}
