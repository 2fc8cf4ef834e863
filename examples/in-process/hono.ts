/** A service on Hono that judges tokens in its own process: `node examples/in-process/hono.ts` */
import { serve } from '@hono/node-server';
import { createVerifier } from '@tessera/verify';
import { protect, type TesseraEnv } from '@tessera/verify/hono';
import { Hono } from 'hono';

const { TESSERA_URL = 'http://127.0.0.1:8420', TESSERA_VERIFY_TOKEN = '', PORT = '9000' } = process.env;
const verifier = createVerifier({
  url: TESSERA_URL,
  token: TESSERA_VERIFY_TOKEN,
  audience: 'https://orders.example.test',
});

const app = new Hono<TesseraEnv>();
app.get('/orders', protect(verifier, { scopes: ['orders:read'] }), (c) => {
  return c.json({ orders: [], caller: c.get('tessera').id });
});
const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, (address) => {
  console.log('listening', address);
});

// What was counted is told to the server before the process ends.
process.once('SIGTERM', () => {
  server.close();
  void verifier.close();
});
