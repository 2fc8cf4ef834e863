/** A service on Express that judges tokens in its own process: `node examples/in-process/express.ts` */
import { createServer } from 'node:http';
import { createVerifier } from '@tessera/verify';
import { protect } from '@tessera/verify/express';
import express from 'express';

const { TESSERA_URL = 'http://127.0.0.1:8420', TESSERA_VERIFY_TOKEN = '', PORT = '9000' } = process.env;
const verifier = createVerifier({
  url: TESSERA_URL,
  token: TESSERA_VERIFY_TOKEN,
  audience: 'https://orders.example.test',
});

const app = express();
app.get('/orders', protect(verifier, { scopes: ['orders:read'] }), (request, response) => {
  response.json({ orders: [], caller: request.tessera?.id });
});
const server = createServer(app);
server.listen(Number(PORT), '127.0.0.1', () => console.log('listening', server.address()));

// What was counted is told to the server before the process ends.
process.once('SIGTERM', () => {
  server.close();
  void verifier.close();
});
