/** Express: routers cut the target, errors have handlers, and neither changes what is judged. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, describe, expect, it } from 'vitest';
import { verifierOver } from '../../src/index.ts';
import { protect } from '../../src/middleware/express.ts';
import { portsOf } from '../support/ports.ts';
import { TOKEN } from '../support/tokens.ts';
import { ask } from './support/ask.ts';
import { observed } from './support/observed.ts';

const GOOD = [`Authorization: Bearer ${TOKEN}`];
const closing: (() => void)[] = [];
afterAll(() => {
  for (const close of closing) close();
});

async function listen(app: express.Express): Promise<number> {
  const server = createServer(app).listen(0, '127.0.0.1');
  closing.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('under the path of a router', () => {
  it('the whole target is judged, and every route can ask for more', async () => {
    const verifier = verifierOver(portsOf());
    const orders = express.Router();
    orders.get('/', protect(verifier, { scopes: ['orders:read'] }), (request, response) => {
      response.json(request.tessera?.id);
    });
    orders.delete('/', protect(verifier, { scopes: ['orders:delete'] }), (_, response) => {
      response.json('deleted');
    });
    const port = await listen(express().use('/v1/orders', orders));
    expect(await ask(port, { path: '/v1/orders', fields: GOOD })).toMatchObject({ status: 200, text: '"tok_1"' });
    expect(await ask(port, { path: '/v1/orders', method: 'DELETE', fields: GOOD })).toMatchObject({ status: 403 });
    expect((await ask(port, { path: '/v1/orders?access_token=x', fields: GOOD })).json.code).toBe(
      'duplicate_credentials',
    );
  });

  it('a proof is for the target that the client called', async () => {
    const verifier = observed();
    const port = await listen(express().use('/v1', express.Router().use('/orders', protect(verifier))));
    await ask(port, { path: '/v1/orders/7', fields: ['DPoP: p'] });
    expect(verifier.last().circumstances.url).toBe('http://orders.test/v1/orders/7');
  });
});

describe('whose address', () => {
  it('can be Express’s own answer', async () => {
    const verifier = observed();
    const app = express().set('trust proxy', 'loopback');
    const port = await listen(app.use(protect(verifier, { clientAddress: (request) => request.ip })));
    await ask(port, { fields: ['X-Forwarded-For: 192.0.2.7'] });
    expect(verifier.last().circumstances.address).toBe('192.0.2.7');
  });
});

describe('what a handler throws', () => {
  it.each(['at once', 'later'])('goes to the service’s own error handler: %s', async (when) => {
    const inner = verifierOver(portsOf());
    const verifier =
      when === 'at once'
        ? inner
        : { ...inner, verify: async (...asked: Parameters<typeof inner.verify>) => inner.verify(...asked) };
    const app = express();
    app.get('/', protect(verifier), () => {
      throw new Error('mine');
    });
    app.use(((error, _request, response, _next) => {
      response.status(500).json((error as Error).message);
    }) as express.ErrorRequestHandler);
    expect(await ask(await listen(app), { path: '/', fields: GOOD })).toMatchObject({ status: 500, text: '"mine"' });
  });
});
