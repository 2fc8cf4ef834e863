/** Over HTTP/2 the same is read and said: its fields stand in other places. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { verifierOver } from '../../src/index.ts';
import { protect } from '../../src/middleware/node.ts';
import { portsOf } from '../support/ports.ts';
import { TOKEN } from '../support/tokens.ts';
import { observed } from './support/observed.ts';

const closing: (() => void)[] = [];
afterAll(() => {
  for (const close of closing) close();
});

async function asked(handler: (request: IncomingMessage, response: ServerResponse) => unknown, headers: object) {
  const server = createServer((request, response) => {
    // The compatibility API has the members of node:http that are used here; its types do not say so.
    handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closing.push(
    () => client.close(),
    () => server.close(),
  );
  const stream = client.request({ ':path': '/orders?a=b', ':authority': 'orders.test', ...headers });
  const [fields] = (await once(stream, 'response')) as [Record<string, string | number>];
  return { fields, body: await text(stream) };
}

it('a good token passes, and none is refused as everywhere', async () => {
  const handler = protect(verifierOver(portsOf()), {}, (_request, response, caller) => response.end(caller.id));
  expect((await asked(handler, { authorization: `Bearer ${TOKEN}` })).body).toBe('tok_1');
  const { fields, body } = await asked(handler, {});
  expect(fields).toMatchObject({
    ':status': 401,
    'www-authenticate': 'Bearer',
    'content-type': 'application/problem+json',
  });
  expect(JSON.parse(body)).toMatchObject({ code: 'missing', requestId: fields['x-request-id'] });
});

it('the target of a proof is read from its own fields', async () => {
  const verifier = observed();
  await asked(
    protect(verifier, {}, () => {}),
    { dpop: 'p' },
  );
  expect(verifier.last().circumstances).toMatchObject({ url: 'http://orders.test/orders', address: '127.0.0.1' });
});
