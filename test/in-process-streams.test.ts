/** Revoked at the server: a stream that a service in another process sends ends within the bound, on every framework. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createVerifier, type RemoteVerifier } from '../packages/verify/src/index.ts';
import { listenTo } from '../packages/verify/test/middleware/support/listening-client.ts';
import { streamingServices } from '../packages/verify/test/middleware/support/streaming-services.ts';
import { type Caller, caller } from './support/call.ts';
import { certificates } from './support/certificates.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const AUDIENCE = 'https://orders.example.test';
/** Nothing is broken, so that a second is promised; a loaded machine may need more, and never twice the bound. */
const PATIENCE_MS = 10_000;

const authority = certificates();
const closing: (() => Promise<void>)[] = [];
let server: Server;
let admin: Caller;
let verifier: RemoteVerifier;

beforeAll(async () => {
  server = await startServer();
  admin = caller(server, server.rootToken);
  const scopes = { 'orders:read': 'See orders' };
  await admin.do('apis.create', { body: { name: 'Orders', audience: AUDIENCE, prefix: 'ord', scopes } });
  const { token } = await admin.mint({ api: 'tessera', name: 'orders-service', scopes: ['verify'] });
  verifier = createVerifier({ url: server.url, token, audience: AUDIENCE });
  await verifier.ready();
}, STARTS_MS);
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
  await verifier.close();
  await endServers();
  authority.remove();
});

it('ends, and the stream of another token goes on', async () => {
  const { certificatePem: cert, keyPem: key } = authority.server(['127.0.0.1']);
  const good = await admin.mint({ api: AUDIENCE, scopes: ['orders:read'] });
  const other = await admin.mint({ api: AUDIENCE, scopes: ['orders:read'] });
  const denied: string[] = [];
  const streams = await Promise.all(
    Object.entries(streamingServices).map(async ([name, serve]) => {
      const service = await serve(verifier, { onDeny: ({ code }) => denied.push(code) }, { cert, key });
      closing.push(service.close);
      const over = name === 'node:https' ? 'https' : name === 'node:http2' ? 'http2' : 'http';
      const listen = (token: string) => listenTo({ over, port: service.port, path: '/stream', token });
      return { mine: await listen(good.token), others: await listen(other.token) };
    }),
  );
  await expect.poll(() => verifier.metrics().liveCalls, { timeout: 10_000 }).toBe(2 * streams.length);
  const asked = performance.now();
  await admin.do('tokens.revoke', { id: good.id });
  await Promise.all(streams.map(({ mine }) => mine.ended));
  expect(performance.now() - asked).toBeLessThan(PATIENCE_MS);
  expect(denied).toEqual(streams.map(() => 'revoked'));
  await Promise.all(streams.map(({ others }) => others.more()));
  await expect
    .poll(() => verifier.metrics(), { timeout: 10_000 })
    .toMatchObject({ liveCalls: streams.length, cutCalls: streams.length });
  for (const { others } of streams) others.close();
});
