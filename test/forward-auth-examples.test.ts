/** The examples whose proxies are not started here are YAML, and say what must not be missing from them. */
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { caller } from './support/call.ts';
import { exampleText } from './support/program.ts';
import { send } from './support/send.ts';
import { endServers, startServer } from './support/server.ts';

afterAll(endServers);

const IDENTITY = ['X-Tessera-Token-Id', 'X-Tessera-Owner', 'X-Tessera-Scopes'];
const CREDENTIALS = ['Authorization', 'X-API-Key', 'DPoP'].map((name) => name.toLowerCase());

test('Traefik: identity is taken away first and set by Tessera alone, nothing is trusted, the credential ends last', () => {
  const { http } = parse(exampleText('forward-auth/traefik/dynamic.yaml'));
  expect(http.routers.service.middlewares).toEqual(['nobody-else-says', 'ask-tessera', 'credential-ends-here']);
  const { forwardAuth } = http.middlewares['ask-tessera'];
  expect(forwardAuth).toMatchObject({ address: 'http://127.0.0.1:8420/forward-auth', trustForwardHeader: false });
  expect(forwardAuth.authResponseHeaders).toEqual(expect.arrayContaining(IDENTITY));
  expect(forwardAuth.authRequestHeaders.map((name: string) => name.toLowerCase())).toEqual(
    expect.arrayContaining(CREDENTIALS),
  );
  const removed = (middleware: string): string[] => {
    const changes = Object.entries(http.middlewares[middleware].headers.customRequestHeaders);
    expect(changes.map(([, value]) => value)).toEqual(changes.map(() => ''));
    return changes.map(([name]) => name);
  };
  const first = removed('nobody-else-says');
  expect(first).toEqual(expect.arrayContaining(IDENTITY));
  expect(first).toEqual(expect.arrayContaining(IDENTITY.map((name) => name.replaceAll('-', '_'))));
  expect(removed('credential-ends-here').map((name) => name.toLowerCase())).toEqual(CREDENTIALS);
});

test('Envoy: the same, and a failure denies', () => {
  const { static_resources } = parse(exampleText('forward-auth/envoy/envoy.yaml'));
  const manager = static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  expect(manager.common_http_protocol_options.headers_with_underscores_action).toBe('REJECT_REQUEST');
  expect(manager.use_remote_address).toBe(true);
  const [first, ask, last, router, ...more] = manager.http_filters;
  expect(more).toEqual([]);
  const removed = ({ typed_config }: { typed_config: { mutations: { request_mutations: { remove: string }[] } } }) =>
    typed_config.mutations.request_mutations.map(({ remove }) => remove);
  expect(removed(first)).toEqual(expect.arrayContaining(IDENTITY.map((name) => name.toLowerCase())));
  expect(ask.typed_config).toMatchObject({
    failure_mode_allow: false,
    status_on_error: { code: 'ServiceUnavailable' },
    http_service: { path_prefix: '/forward-auth', server_uri: { cluster: 'tessera' } },
  });
  expect(ask.typed_config).not.toHaveProperty('with_request_body');
  expect(removed(last)).toEqual(CREDENTIALS);
  expect(router.name).toBe('envoy.filters.http.router');
  const names = static_resources.clusters.map(({ name }: { name: string }) => name);
  expect(names).toEqual(['service', 'tessera']);
});

test('Tessera answers a question that is asked as Envoy asks', async () => {
  const server = await startServer({ config: exampleText('forward-auth/tessera.yaml') });
  const { id, token } = await caller(server, server.rootToken).mint({ scopes: ['orders:read'] });
  const asked = (method: string, path: string) =>
    send(server.url, `/forward-auth${path}`, {
      method,
      headers: { Host: 'api.example.test', Authorization: `Bearer ${token}`, 'Content-Length': '0' },
    });
  const yes = await asked('POST', '/orders/1?x=1');
  expect([yes.status, yes.headers['x-tessera-token-id'], yes.headers['x-tessera-scopes']]).toEqual([
    200,
    id,
    'orders:read',
  ]);
  expect((await asked('DELETE', '/orders/1')).status).toBe(403);
  expect((await asked('GET', '/')).status).toBe(403);
  expect((await asked('GET', '/orders/../admin')).status).toBe(400);
});
