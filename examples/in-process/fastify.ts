/** A service on Fastify that judges tokens in its own process: `node examples/in-process/fastify.ts` */
import { createVerifier } from '@tessera/verify';
import { tessera } from '@tessera/verify/fastify';
import Fastify from 'fastify';

const { TESSERA_URL = 'http://127.0.0.1:8420', TESSERA_VERIFY_TOKEN = '', PORT = '9000' } = process.env;
const verifier = createVerifier({
  url: TESSERA_URL,
  token: TESSERA_VERIFY_TOKEN,
  audience: 'https://orders.example.test',
});

const app = Fastify();
await app.register(tessera, { verifier });
app.get('/orders', { config: { tessera: { scopes: ['orders:read'] } } }, async (request) => {
  return { orders: [], caller: request.tessera?.id };
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
console.log('listening', app.server.address());

// What was counted is told to the server before the process ends.
process.once('SIGTERM', () => {
  void app.close();
  void verifier.close();
});
