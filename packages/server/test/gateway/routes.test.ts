import { describe, expect, it } from 'vitest';
import { leastCpu } from '../../../verify/test/support/least-cpu.ts';
import type { RouteConfig } from '../../src/core/compiled-route.ts';
import { compileRoutes, type RouteTable } from '../../src/core/routes.ts';

const upstream = { targets: [{ url: 'http://127.0.0.1:9', weight: 1 }] };
const table = (...routes: readonly Omit<RouteConfig, 'upstream'>[]): RouteTable =>
  compileRoutes(
    routes.map((route) => ({ ...route, upstream })),
    { workspace: 'ws_1' },
  );
const nameOf = (routes: RouteTable, host: string, path: string, method = 'GET'): string => {
  const match = routes.match(host, path, method);
  return match.outcome === 'route' ? match.route.name : match.outcome;
};

describe('routes', () => {
  it('match by the longest path, whatever their order', () => {
    const names = ['/a/b/*', '/*', '/a/*', '/a/b', '/a/b/c'];
    for (const order of [names, names.toReversed()]) {
      const routes = table(...order.map((path) => ({ name: path, match: { path } })));
      expect(nameOf(routes, 'h', '/')).toBe('/*');
      expect(nameOf(routes, 'h', '/x')).toBe('/*');
      expect(nameOf(routes, 'h', '/a')).toBe('/a/*');
      expect(nameOf(routes, 'h', '/a/x')).toBe('/a/*');
      expect(nameOf(routes, 'h', '/a/b')).toBe('/a/b');
      expect(nameOf(routes, 'h', '/a/b/')).toBe('/a/b');
      expect(nameOf(routes, 'h', '/a/b/x/y/z')).toBe('/a/b/*');
      expect(nameOf(routes, 'h', '/a/b/c')).toBe('/a/b/c');
    }
  });

  it('match whole segments and letter case', () => {
    const routes = table({ name: 'orders', match: { path: '/orders/*' } });
    expect(nameOf(routes, 'h', '/orders')).toBe('orders');
    expect(nameOf(routes, 'h', '/orders/')).toBe('orders');
    expect(nameOf(routes, 'h', '/orders/1/2')).toBe('orders');
    expect(nameOf(routes, 'h', '/ordersx')).toBe('none');
    expect(nameOf(routes, 'h', '/order')).toBe('none');
    expect(nameOf(routes, 'h', '/Orders')).toBe('none');
    expect(nameOf(routes, 'h', '/x/orders')).toBe('none');
  });

  it('take a path with and without a slash at its end for one, unless both are named', () => {
    const one = table({ name: 'a', match: { path: '/a' } });
    expect([nameOf(one, 'h', '/a'), nameOf(one, 'h', '/a/'), nameOf(one, 'h', '/a/b')]).toEqual(['a', 'a', 'none']);
    const both = table({ name: 'a', match: { path: '/a' } }, { name: 'a/', match: { path: '/a/' } });
    expect([nameOf(both, 'h', '/a'), nameOf(both, 'h', '/a/')]).toEqual(['a', 'a/']);
  });

  it('of a host come before those of any, where one of them takes the path', () => {
    const routes = table(
      { name: 'any', match: { path: '/a/b/c' } },
      { name: 'own', match: { host: 'API.test', path: '/a/*' } },
    );
    expect(nameOf(routes, 'api.test', '/a/b/c')).toBe('own');
    expect(nameOf(routes, 'b.test', '/a/b/c')).toBe('any');
    expect(nameOf(routes, 'api.test', '/x')).toBe('none');
    expect(nameOf(routes, '', '/a/b/c')).toBe('any');
    expect(nameOf(routes, 'constructor', '/__proto__')).toBe('none');
  });

  it('of a path decide on its methods: no other path takes what they leave', () => {
    const routes = table(
      { name: 'read', match: { path: '/a', methods: ['GET'] } },
      { name: 'write', match: { path: '/a', methods: ['POST', 'PUT'] } },
      { name: 'all', match: { path: '/*' } },
      { name: 'b', match: { path: '/b', methods: ['GET'] } },
      { name: 'b else', match: { path: '/b' } },
    );
    expect(nameOf(routes, 'h', '/a', 'GET')).toBe('read');
    expect(nameOf(routes, 'h', '/a', 'HEAD')).toBe('read');
    expect(nameOf(routes, 'h', '/a', 'PUT')).toBe('write');
    expect(routes.match('h', '/a', 'DELETE')).toEqual({
      outcome: 'method',
      allow: 'GET, POST, PUT, HEAD',
      workspace: 'ws_1',
    });
    expect(nameOf(routes, 'h', '/b', 'DELETE')).toBe('b else');
  });

  it('are refused where two of them take the same requests, or one cannot be compiled', () => {
    const a = { name: 'a', match: { path: '/x/*' } };
    expect(() => table(a, { ...a, name: 'b' })).toThrow(new RangeError('routes a and b take the same requests'));
    const get = { name: 'a', match: { path: '/x', methods: ['GET'] } };
    expect(() => table(get, { ...get, name: 'b' })).toThrow(new RangeError('routes a and b take the same requests'));
    expect(() => table({ name: 'a', match: { path: '/x//y' } })).toThrow(
      new RangeError('route a: the path /x//y is not canonical'),
    );
    expect(() => table({ ...a, ip: { allow: ['nonsense'] } })).toThrow(RangeError);
    const limit = { limit: 1, window: 1 };
    expect(() => table({ ...a, limits: [limit, limit] })).toThrow(
      new RangeError('route a: two limits have the same name'),
    );
  });

  it('say what is asked, with counters of their own', () => {
    const routes = table({
      name: 'a',
      workspace: 'ws_2',
      match: { path: '/a+b' },
      require: { api: 'x', scopes: ['s'], env: 'live', kinds: ['api_key'], roles: ['r'] },
      limits: [
        { limit: 5, window: 60 },
        { name: 'n', limit: 1, window: 1, burst: 2, cost: 2, by: 'address' },
      ],
      quota: { limit: 9, period: 'day' },
      ip: { deny: ['10.0.0.0/8'] },
    });
    const match = routes.match('h', '/a%2Bb', 'GET');
    expect(match).toMatchObject({
      outcome: 'route',
      route: {
        requirement: {
          workspace: 'ws_2',
          audience: 'x',
          environment: 'live',
          scopes: ['s'],
          kinds: ['api_key'],
          roles: ['r'],
          limits: [
            {
              key: 'route:a:5-per-60s',
              name: '5-per-60s',
              limit: 5,
              windowSeconds: 60,
              burst: 5,
              cost: 1,
              by: 'token',
            },
            { key: 'route:a:n', name: 'n', limit: 1, windowSeconds: 1, burst: 2, cost: 2, by: 'address' },
          ],
          quotas: [{ key: 'route:a:quota', name: 'quota', limit: 9, period: 'day', by: 'token' }],
          addresses: [{ label: 'route a' }],
        },
      },
    });
    expect(routes.otherwise).toMatchObject({ workspace: 'ws_1', scopes: [], limits: [] });
  });

  it('are found as fast among a thousand as among ten, and in a path of any depth', async () => {
    const many = table(
      ...Array.from({ length: 1000 }, (_, index) => ({ name: `${index}`, match: { path: `/v1/r${index}/*` } })),
    );
    expect(nameOf(many, 'h', '/v1/r999/x')).toBe('999');
    const deep = '/a'.repeat(4000);
    const matching = (): void => {
      for (let round = 0; round < 1000; round++) many.match('h', deep, 'GET');
    };
    expect(await leastCpu(matching)).toBeLessThan(500);
  });
});
