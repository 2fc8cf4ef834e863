/** The least that a gateway can do: bare `node:http` in, undici out, the header fields as they came, and no check at all. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const [upstream = ''] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${upstream}`, { connections: 1024, pipelining: 1 });

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  pool.dispatch(
    { path: request.url ?? '/', method: request.method ?? 'GET', headers: request.rawHeaders, body: null },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, headers) {
        response.writeHead(status, headers);
      },
      onResponseData(_controller, chunk) {
        response.write(chunk);
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
});
server.maxRequestsPerSocket = 100_000;
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
