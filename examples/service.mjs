/** A service to try the examples with: answers each request with what reached it. `node examples/service.mjs 9000` */
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 9000);
createServer((request, response) => {
  const { method, url, headers } = request;
  request.resume().once('end', () => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(`${JSON.stringify({ port, method, url, headers }, null, 2)}\n`);
  });
}).listen(port, '127.0.0.1');
