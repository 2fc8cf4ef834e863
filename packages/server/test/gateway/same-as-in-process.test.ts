/** What a stranger hears of the gateway, it hears of a service that judges by itself: status, fields and body, byte for byte. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate } from '@tessera/token';
import { memoryLookup, type TokenFacts, verifierOver } from '@tessera/verify';
import { protect } from '@tessera/verify/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryLimiter } from '../../src/limits/memory.ts';
import { factsOf, lines, type TestGateway, testGateway, WORKSPACE } from './support/gateway.ts';
import { answerOf, exchange, type RawAnswer } from './support/raw-client.ts';

const newToken = (): string => generate({ prefix: 'tsr', environment: 'live' });
const limits = [{ key: 'l', name: 'calls', limit: 1, windowSeconds: 3600, burst: 1, cost: 1 }];

/** Tokens that both know, with what is wrong with each. */
const known: Readonly<Record<string, Partial<TokenFacts>>> = {
  good: {},
  revoked: { revokedAt: 1 },
  disabled: { enabled: false },
  'owner disabled': { owner: { id: 'own_2', type: 'user', roles: [], enabled: false } },
  expired: { expiresAt: 1 },
  'not yet valid': { notBefore: 8e15 },
  'of another workspace': { workspace: { id: 'ws_other', enabled: true } },
  'for another api': { api: { id: 'api_2', audience: 'https://other.test' } },
  'without the scope': { scopes: ['orders:list'] },
  'bound to a key': { boundKey: 'thumbprint' },
  limited: { limits },
};
const texts = Object.fromEntries(Object.keys(known).map((name) => [name, newToken()]));
const textOf = (name: string): string => texts[name] ?? '';
const GOOD = textOf('good');

interface Case {
  readonly what: string;
  readonly fields: readonly string[];
  readonly query?: string;
}

const cases: readonly Case[] = [
  ...Object.keys(known).map((name) => ({
    what: `a token that is ${name}`,
    fields: [`Authorization: Bearer ${textOf(name)}`],
  })),
  { what: 'the same again', fields: [`Authorization: Bearer ${textOf('limited')}`] },
  { what: 'a bound token without its proof', fields: [`Authorization: DPoP ${textOf('bound to a key')}`] },
  { what: 'none', fields: [] },
  { what: 'an unknown one', fields: [`X-API-Key: ${newToken()}`] },
  { what: 'no token', fields: ['X-API-Key: nonsense'] },
  { what: 'an empty one', fields: ['Authorization: Bearer '] },
  { what: 'an empty key', fields: ['X-API-Key:'] },
  { what: 'another scheme', fields: ['Authorization: Basic eDp5'] },
  { what: 'two', fields: [`Authorization: Bearer ${GOOD}`, `X-API-Key: ${GOOD}`] },
  { what: 'one twice', fields: [`Authorization: Bearer ${GOOD}`, `Authorization: Bearer ${GOOD}`] },
  { what: 'one in the query', fields: [], query: `?access_token=${GOOD}` },
  { what: 'a second one in the query', fields: [`Authorization: Bearer ${GOOD}`], query: '?ACCESS.TOKEN=x' },
  { what: 'a key by an odd name', fields: [`X_API_Key: ${GOOD}`] },
  { what: 'two proofs', fields: [`Authorization: DPoP ${GOOD}`, 'DPoP: a', 'DPoP: b'] },
  { what: 'a harmless id of its own', fields: ['X-Request-Id: mine'] },
];

let gateway: TestGateway;
let service: Server;
beforeAll(async () => {
  const clock = { now: () => Date.now() };
  const tokens = memoryLookup();
  for (const [name, parts] of Object.entries(known)) tokens.add(textOf(name), factsOf(textOf(name), parts));
  const asked = { workspace: WORKSPACE, audience: 'https://api.test' };
  gateway = await testGateway({
    ports: { tokens },
    routes: (url) => [
      {
        name: 'orders',
        match: { path: '/orders' },
        require: { api: asked.audience, scopes: ['orders:read'] },
        upstream: { targets: [{ url, weight: 1 }] },
      },
    ],
  });
  const verifier = verifierOver({ tokens, limiter: memoryLimiter({ clock }), clock }, asked);
  service = createServer(protect(verifier, { scopes: ['orders:read'] }, (_request, response) => response.end('ok')));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
});
afterAll(async () => {
  await gateway.close();
  service.close();
});

it.each(cases)('$what', async ({ fields, query = '' }) => {
  const bytes = `GET /orders${query} HTTP/1.1\r\n${lines('Host: api.test', ...fields, 'Connection: close')}`;
  const { port } = service.address() as AddressInfo;
  const [there, here] = await Promise.all([gateway.raw(bytes), answerOf(exchange(port, bytes))]);
  if (there.status === 200) expect(here.status).toBe(200);
  else expect(plain(here)).toEqual(plain(there));
});

/** Without what differs from one request to the next. */
function plain({ status, head, body }: RawAnswer) {
  const [, ...fields] = head.split('\r\n');
  const id = /x-request-id: (\S+)/i.exec(head)?.[1] ?? '';
  return {
    status,
    fields: fields
      .filter((field) => !/^(?:date|connection|keep-alive):/i.test(field))
      .map((field) => field.replace(id, '<id>'))
      .sort(),
    body: body.replace(id, '<id>'),
  };
}
