/** Host names in address lists at the gateway: a name without an answer never makes a request pass. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FollowedNames, hostNames } from '../../src/names/host-names.ts';
import { type NameServer, nameServer } from '../names/support/name-server.ts';
import { type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { valuesOf } from './support/recording-upstream.ts';

let server: NameServer;
let names: FollowedNames;
let gateway: TestGateway;
beforeEach(async () => {
  server = await nameServer();
  names = hostNames({
    resolver: server.resolver,
    monotonic: () => performance.now(),
    onFailure: () => {},
    onRecovery: () => {},
    onLookup: () => {},
    bounds: { shortestMs: 20, retryMs: 20 },
  });
});
afterEach(async () => {
  await gateway.close();
  names.stop();
  await server.close();
});

const start = async (ip: { allow?: string[]; deny?: string[] }, trusted: string[] = []): Promise<TestGateway> => {
  await names.follow([...(ip.allow ?? []), ...(ip.deny ?? []), ...trusted].filter((one) => one.endsWith('.test')));
  gateway = await testGateway({
    names,
    trusted,
    routes: (url) => [{ name: 'a', match: { path: '/*' }, ip, upstream: { targets: [{ url, weight: 1 }] } }],
  });
  return gateway;
};
const ask = async (...fields: readonly string[]): Promise<[number, string | undefined]> => {
  const { status, body } = await gateway.get('/', [`X-API-Key: ${TOKEN}`, ...fields]);
  return [status, status === 200 ? undefined : JSON.parse(body).code];
};

it('an allowed name lets its addresses pass, as soon as it has an answer', async () => {
  await start({ allow: ['office.test'] });
  expect(await ask()).toEqual([503, 'fault']);
  expect(gateway.faults.map(String)).toEqual([
    'UnresolvedNameError: route a: the addresses of office.test are not known',
  ]);
  server.zones.set('office.test', { addresses: ['127.0.0.1'], ttl: 0 });
  await expect.poll(() => ask(), { timeout: 10_000, interval: 20 }).toEqual([200, undefined]);
  server.zones.set('office.test', { addresses: ['192.0.2.1'], ttl: 0 });
  await expect.poll(() => ask(), { timeout: 10_000, interval: 20 }).toEqual([403, 'ip_denied']);
});

it('a denied name without an answer denies everybody', async () => {
  await start({ deny: ['evil.test'] });
  expect(await ask()).toEqual([503, 'fault']);
  server.zones.set('evil.test', { addresses: ['192.0.2.1'], ttl: 0 });
  await expect.poll(() => ask(), { timeout: 10_000, interval: 20 }).toEqual([200, undefined]);
  server.zones.set('evil.test', { addresses: ['192.0.2.1', '127.0.0.1'], ttl: 0 });
  await expect.poll(() => ask(), { timeout: 10_000, interval: 20 }).toEqual([403, 'ip_denied']);
});

it('no look-up is made for a request', async () => {
  server.zones.set('office.test', { addresses: ['127.0.0.1'], ttl: 3600 });
  await start({ allow: ['office.test'] });
  const asked = server.asked.length;
  for (let count = 0; count < 5; count++) expect(await ask()).toEqual([200, undefined]);
  expect(server.asked).toHaveLength(asked);
});

it('a proxy that is trusted by name is believed, and nobody is known as long as its name has no answer', async () => {
  await start({ allow: ['127.0.0.0/8', '10.0.0.0/8'] }, ['proxy.test']);
  // The connection could be the proxy's, and the client anybody behind it.
  expect(await ask('X-Forwarded-For: 10.0.0.7')).toEqual([403, 'ip_denied']);
  expect(await ask()).toEqual([403, 'ip_denied']);
  server.zones.set('proxy.test', { addresses: ['127.0.0.1'], ttl: 0 });
  await expect
    .poll(() => ask('X-Forwarded-For: 10.0.0.7'), { timeout: 10_000, interval: 20 })
    .toEqual([200, undefined]);
  expect(await ask('X-Forwarded-For: 6.6.6.6')).toEqual([403, 'ip_denied']);
  expect(valuesOf(gateway.upstream.requests.at(-1) ?? '', 'x-forwarded-for')).toEqual(['10.0.0.7, 127.0.0.1']);
});
