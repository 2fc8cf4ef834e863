/** A service of the Fetch standard (here under Node; in Bun, Deno and workers the handler is the same) that judges tokens in its own process: `node examples/in-process/fetch.ts` */
import { serve } from '@hono/node-server';
import { createVerifier } from '@tessera/verify';
import { protect } from '@tessera/verify/fetch';

const { TESSERA_URL = 'http://127.0.0.1:8420', TESSERA_VERIFY_TOKEN = '', PORT = '9000' } = process.env;
const verifier = createVerifier({
  url: TESSERA_URL,
  token: TESSERA_VERIFY_TOKEN,
  audience: 'https://orders.example.test',
});

const handler = protect(verifier, { scopes: ['orders:read'] }, (_request, caller) => {
  return Response.json({ orders: [], caller: caller.id });
});
const server = serve({ fetch: (request) => handler(request), port: Number(PORT), hostname: '127.0.0.1' }, (address) => {
  console.log('listening', address);
});

// What was counted is told to the server before the process ends.
process.once('SIGTERM', () => {
  server.close();
  void verifier.close();
});
