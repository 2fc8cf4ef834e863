/** What a route changes on the way up: path and query are rewritten, stay canonical, and never name another origin. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { compileRewrite } from '../../src/core/compiled-rewrite.ts';
import type { RouteConfig } from '../../src/core/compiled-route.ts';
import { fill, template } from '../../src/core/placeholders.ts';
import { type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { valuesOf } from './support/recording-upstream.ts';

const named = (name: string): string => `\${${name}}`;
const AUTH = `Authorization: Bearer ${TOKEN}`;

let gateway: TestGateway | undefined;
afterEach(() => gateway?.close());

const start = async (path: string, request: NonNullable<RouteConfig['transform']>['request']): Promise<TestGateway> => {
  gateway = await testGateway({
    routes: (url) => [
      {
        name: 'a',
        match: { path },
        transform: { ...(request && { request }) },
        upstream: { targets: [{ url, weight: 1 }] },
      },
    ],
  });
  return gateway;
};

const targets = async (at: TestGateway, ...paths: readonly string[]): Promise<(string | undefined)[]> => {
  for (const path of paths) expect((await at.get(path)).status, path).toBe(200);
  return at.upstream.requests.map((request) => request.split(' ')[1]);
};

describe('the path', () => {
  it('loses its leading segments, and gets others', async () => {
    const at = await start('/orders/*', { path: { strip: '/orders', prefix: '/v2/shop/' } });
    expect(await targets(at, '/orders', '/orders/', '/orders/1/x?q=1', '/orders/orders/%C3%A9')).toEqual([
      '/v2/shop',
      '/v2/shop/',
      '/v2/shop/1/x?q=1',
      '/v2/shop/orders/%C3%A9',
    ]);
  });

  it('is / where nothing is left', async () => {
    const at = await start('/orders', { path: { strip: '/orders' } });
    expect(await targets(at, '/orders', '/orders/', '/orders?a')).toEqual(['/', '/', '/?a']);
  });

  it('is replaced as a whole', async () => {
    const at = await start('/*', { path: { replace: '/fixed' } });
    expect(await targets(at, '/', '/a/b?q')).toEqual(['/fixed', '/fixed?q']);
  });

  it.each(['/orders/..%2fadmin', '/orders/%2e%2e/admin', '/orders//evil.test/x', '/orders/;x', '/orders/%252e%252e'])(
    'is refused as without a rewrite: %s',
    async (path) => {
      const at = await start('/orders/*', { path: { strip: '/orders', prefix: '/v2' } });
      expect((await at.get(path)).status).toBe(400);
      expect(at.upstream.requests).toEqual([]);
    },
  );

  it.each(['/orders/@evil.test', '/orders/http:', '/orders/169.254.169.254'])(
    'goes to the configured origin, whatever is left of it: %s',
    async (path) => {
      const at = await start('/orders/*', { path: { strip: '/orders' } });
      expect(await targets(at, path)).toEqual([path.slice('/orders'.length)]);
      expect(valuesOf(at.upstream.requests[0] ?? '', 'host')).toEqual([at.upstream.authority]);
    },
  );

  it('is canonical again, and below its prefix, for every path of the route', () => {
    const segments = fc.array(fc.stringMatching(/^[A-Za-z0-9_~@:=-]{1,8}$/), { maxLength: 4 });
    fc.assert(
      fc.property(segments, segments, segments, fc.boolean(), (stripped, prefix, rest, isOpen) => {
        const written = (parts: readonly string[]): string => parts.map((part) => `/${part}`).join('');
        const strip = written(stripped) || '/';
        const rewrite = compileRewrite({ path: { strip, prefix: written(prefix) || '/' } }, `${written(stripped)}/*`);
        const path = `${written(stripped)}${written(rest)}${isOpen ? '/' : ''}` || '/';
        const sent = rewrite?.path(path) ?? '';
        expect(canonicalPath(sent)).toBe(sent);
        expect(sent).toBe(`${written(prefix)}${written(rest)}${isOpen || path === '/' ? '/' : ''}` || '/');
      }),
    );
  });

  it('cannot be compiled where some requests would not start with it', () => {
    const compile = (strip: string, matched: string) => () => compileRewrite({ path: { strip } }, matched);
    expect(compile('/ord', '/orders/*')).toThrow('/ord does not lead /orders/*');
    expect(compile('/orders/x', '/orders/*')).toThrow(RangeError);
    expect(compile('/a/../b', '/a/*')).toThrow('the path /a/../b is not canonical');
  });
});

describe('the query', () => {
  it('is set and removed in every spelling; what else is in it stays byte for byte', async () => {
    const at = await start('/*', { query: { set: { tenant: 'a b&c=é' }, remove: ['debug'] } });
    expect(
      await targets(
        at,
        '/',
        '/?x=%7e&tenant=evil&y',
        '/?Tenant=evil&%74enant=evil&tenant[]=evil&a=1;tenant=evil&&b=%zz',
        '/?debug&debug=1&d=debug',
      ),
    ).toEqual([
      '/?tenant=a%20b%26c%3D%C3%A9',
      '/?tenant=a%20b%26c%3D%C3%A9&x=%7e&y',
      '/?tenant=a%20b%26c%3D%C3%A9&a=1&&b=%zz',
      '/?tenant=a%20b%26c%3D%C3%A9&d=debug',
    ]);
  });

  it('has what is set in front of all that a client sends, also for servers that read a thousand parameters and no more', async () => {
    const at = await start('/*', { query: { set: { tenant: 'ours', who: named('owner.id') } } });
    await at.get(`/?${'a&'.repeat(1000)}[tenant]=evil&tenant]=evil`, [AUTH]);
    expect(at.upstream.requests[0]?.split(' ')[1]).toBe(`/?tenant=ours&who=own_1&${'a&'.repeat(1000).slice(0, -1)}`);
  });

  it('is gone where nothing is left', async () => {
    const at = await start('/*', { query: { remove: ['a'] } });
    expect(await targets(at, '/?a=1', '/?', '/?&a')).toEqual(['/', '/', '/']);
  });
});

describe('a field that a route sets or removes', () => {
  it('is taken from the client in every spelling that a server might read as it', async () => {
    const at = await start('/*', {
      set: { 'X-User': 'ours', 'X-Owner': named('owner.id'), X_Tenant: 'ours' },
      remove: ['X-Debug'],
    });
    const forged = ['X-User', 'x_user', 'X.User', 'X!User', 'X_Owner', 'x~OWNER', 'X-Tenant', 'x.tenant', 'X_Debug'];
    await at.get('/', [AUTH, ...forged.map((name) => `${name}: forged`), 'X-Users: 1', 'my_field: 2']);
    const [request = ''] = at.upstream.requests;
    expect(request).not.toContain('forged');
    expect(valuesOf(request, 'x-user')).toEqual(['ours']);
    expect(valuesOf(request, 'x-owner')).toEqual(['own_1']);
    expect(valuesOf(request, 'x_tenant')).toEqual(['ours']);
    expect(valuesOf(request, 'x-users')).toEqual(['1']);
    expect(valuesOf(request, 'my_field')).toEqual(['2']);
  });
});

describe('values that name the caller', () => {
  it('are filled in, in the query and in fields', async () => {
    const at = await start('/*', {
      set: { 'X-Who': `id=${named('token.id')}; owner=${named('owner.id')}`, 'X-Plain': 'x' },
      query: { set: { who: `${named('owner.id')}/${named('request.id')}` } },
    });
    expect((await at.get('/?who=evil', [AUTH, 'X-Who: forged', 'x_who: 1', 'X-Request-Id: r-1'])).status).toBe(200);
    const [request = ''] = at.upstream.requests;
    expect(request.split(' ')[1]).toBe('/?who=own_1%2Fr-1');
    expect(valuesOf(request, 'x-who')).toEqual(['id=tok_1; owner=own_1']);
    expect(valuesOf(request, 'x-plain')).toEqual(['x']);
  });

  it('can end neither a field nor a parameter, whoever chose the id', () => {
    const written = template(`id=${named('token.id')}; role=none`);
    if (written === undefined) throw new Error('the template names nobody');
    const filling = (id: string) => ({ 'token.id': id, 'owner.id': '', 'request.id': '' });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        expect(fill(written, filling(id))).toMatch(/^id=[A-Za-z0-9_.!~*'()%-]*; role=none$/);
      }),
    );
    expect(fill(written, filling('x; role=admin\r\nX-Evil: 1\ud800'))).toBe(
      'id=x%3B%20role%3Dadmin%0D%0AX-Evil%3A%201%EF%BF%BD; role=none',
    );
    expect(fill(written, filling('tok_A-1'))).toBe('id=tok_A-1; role=none');
  });

  it('are empty for a token without owner', async () => {
    const at = await start('/*', { query: { set: { who: named('owner.id') } } });
    await at.get('/', [`X-API-Key: ${at.mint({ owner: undefined })}`]);
    expect(at.upstream.requests[0]?.split(' ')[1]).toBe('/?who=');
  });
});
