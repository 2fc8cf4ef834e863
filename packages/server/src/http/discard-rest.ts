/** What is left of a body after it was refused: read and dropped for a while, so that the client can read the answer. */
import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 1_048_576;
const MAX_MS = 5_000;

/**
 * Closing at once would reset the connection while the client still writes, and lose the answer; reading on for ever
 * would let a refused request hold it. Cuts the connection at 1 MiB or after 5 seconds.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed || !hasBody(request)) return;
  let left = MAX_BYTES;
  const cut = () => request.destroy();
  const timer = setTimeout(cut, MAX_MS).unref();
  request.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
