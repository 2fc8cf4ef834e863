/** What stands behind the gateways: answers every request with the same bytes, on raw sockets, so that it is never the bottleneck. */
import type { Buffer } from 'node:buffer';
import { type AddressInfo, createServer } from 'node:net';

const BODY = JSON.stringify({ orders: Array.from({ length: 5 }, (_, id) => ({ id, state: 'shipped' })) });
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

const server = createServer({ noDelay: true }, (socket) => {
  // Both gateways send the next request of a connection after the answer to the one before, and none here has a body.
  socket.on('data', (chunk: Buffer) => {
    if (chunk.toString('latin1', chunk.length - 4) === '\r\n\r\n') socket.write(ANSWER);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
