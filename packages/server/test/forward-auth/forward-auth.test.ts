import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway, UNKNOWN } from '../gateway/support/gateway.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;

describe('a proxy that asks', () => {
  let door: TestGateway;
  beforeAll(async () => {
    door = await testGateway({
      door: 'forward-auth',
      maxGuesses: 100,
      routes: (url) => {
        const upstream = { targets: [{ url, weight: 1 }] };
        return [
          {
            name: 'orders',
            match: { host: 'api.test', path: '/orders/*', methods: ['GET'] },
            require: { scopes: ['orders:read'] },
            upstream,
          },
          { name: 'admin', match: { path: '/admin/*' }, require: { scopes: ['admin'] }, upstream },
          { name: 'inside', match: { path: '/inside' }, ip: { allow: ['10.0.0.0/8'] }, upstream },
          { name: 'limited', match: { path: '/limited' }, limits: [{ limit: 1, window: 60 }], upstream },
        ];
      },
    });
  });
  beforeEach(() => {
    door.recorded.length = 0;
    door.requests.length = 0;
  });
  afterAll(async () => {
    expect(door.faults).toEqual([]);
    expect(door.upstream.requests).toEqual([]);
    await door.close();
  });

  const original = (method: string, uri: string, host = 'api.test') => [
    `X-Forwarded-Method: ${method}`,
    `X-Forwarded-Host: ${host}`,
    `X-Forwarded-Uri: ${uri}`,
  ];
  const ask = async (fields: readonly string[], query = '') => {
    const answer = await door.get(`/forward-auth${query}`, fields);
    return { ...answer, code: answer.body === '' ? undefined : JSON.parse(answer.body).code };
  };

  it('hears 200 and who called', async () => {
    const { status, head, body } = await ask([AUTH, ...original('GET', '/orders/1?x=1'), 'X-Request-Id: r1']);
    expect([status, body]).toEqual([200, '']);
    expect(head).toContain(
      '\r\nX-Tessera-Token-Id: tok_1\r\nX-Tessera-Owner: own_1\r\nX-Tessera-Scopes: orders:read orders:list\r\n',
    );
    expect(head).toContain('\r\nX-Request-Id: r1\r\n');
    expect(head).toContain('\r\nCache-Control: no-store\r\n');
    expect(door.recorded).toMatchObject([{ door: 'forward-auth', route: 'orders', status: 200, code: 'ok' }]);
  });

  it('hears the denial, with its challenge', async () => {
    const missing = await ask(original('GET', '/orders/1'));
    expect([missing.status, missing.code]).toEqual([401, 'missing']);
    expect(missing.head).toContain('\r\nWWW-Authenticate: Bearer\r\n');
    expect(await ask([`X-API-Key: ${UNKNOWN}`, ...original('GET', '/orders/1')])).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
    const scope = await ask([AUTH, ...original('GET', '/admin/x')]);
    expect([scope.status, scope.code]).toEqual([403, 'insufficient_scope']);
    expect(scope.head).toContain('error="insufficient_scope", scope="admin"');
    expect(door.recorded.map(({ status, code, route }) => [status, code, route])).toEqual([
      [401, 'missing', 'orders'],
      [401, 'unknown', 'orders'],
      [403, 'insufficient_scope', 'admin'],
    ]);
  });

  it('hears 429 and when to try again', async () => {
    expect((await ask([AUTH, ...original('GET', '/limited')])).status).toBe(200);
    const { status, head, code } = await ask([AUTH, ...original('GET', '/limited')]);
    expect([status, code]).toEqual([429, 'rate_limited']);
    expect(head).toMatch(/\r\nRetry-After: (?:59|60)\r\n/);
    expect(head).toContain('\r\nX-RateLimit-Remaining: 0\r\n');
  });

  it('hears 403 where no route takes the request, and 401 where the token is no good anyway', async () => {
    for (const fields of [
      original('GET', '/nowhere'),
      original('POST', '/orders/1'),
      original('GET', '/orders/1', 'b.test'),
    ]) {
      expect(await ask([AUTH, ...fields])).toMatchObject({ status: 403, code: 'forbidden' });
      expect(await ask(fields)).toMatchObject({ status: 401, code: 'missing' });
    }
  });

  const half = [
    original('GET', '/orders/1').slice(1),
    original('GET', '/orders/1').slice(0, 2),
    [...original('GET', '/orders/1').slice(0, 1), 'X-Forwarded-Uri: /orders/1'],
    [...original('GET', '/orders/1'), 'X-Forwarded-Uri: /admin'],
    [...original('GET', '/orders/1'), 'X-Forwarded-Method: POST'],
    original('get', '/orders/1'),
    original('GET', '/orders/../admin'),
    original('GET', '/orders/%2e%2e/admin'),
    original('GET', 'orders'),
    original('GET', '/orders/1?x#y'),
    original('GET', '/orders/1?x\ty'),
    original('GET', '/orders/1?caf\xe9'),
    original('GET', '/orders/1', 'user@api.test'),
  ];
  it.each(half.map((fields) => [fields.join(' | '), fields] as const))('hears 400 for %s', async (_name, fields) => {
    expect(await ask([AUTH, ...fields])).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('may name api and scopes itself, and then no route is asked', async () => {
    expect((await ask([AUTH], '?api=https://api.test&scope=orders:read')).status).toBe(200);
    expect((await ask([AUTH], '?api=api_1&scope=orders:read%20orders:list')).status).toBe(200);
    expect((await ask([AUTH, ...original('GET', '/admin/x')], '?scope=orders:read&scope=orders:list')).status).toBe(
      200,
    );
    expect(await ask([AUTH], '?api=https://other.test')).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(await ask([AUTH], '?scope=orders:write')).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(await ask([AUTH], '?scope=orders:read+orders:write')).toMatchObject({ status: 403 });
  });

  it.each([
    '?scopes=admin',
    '?api=a&api=b',
    '?api=',
    '?x',
    '?scope=',
    '?scope=+',
    '?scope=admin&scope=',
    '?scope=%22',
    '?scope=a%0d%0ab',
    '?scope=caf%C3%A9',
    '?denials=',
    '?denials=401',
    '?denials=403&denials=403',
  ])('hears 400 for the query %s', async (query) => {
    expect(await ask([AUTH], query)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('passes any valid token of the default workspace where it tells neither', async () => {
    expect((await ask([AUTH])).status).toBe(200);
    expect((await ask([AUTH, 'X-Forwarded-Host: api.test'])).status).toBe(200);
    const theirs = door.mint({ workspace: { id: 'ws_b', enabled: true } });
    expect(await ask([`X-API-Key: ${theirs}`])).toMatchObject({ status: 401, code: 'invalid_token' });
  });

  it('has a credential in the query of the original request counted as a second one', async () => {
    expect(await ask([AUTH, ...original('GET', '/orders/1?access_token=x')])).toMatchObject({
      status: 400,
      code: 'duplicate_credentials',
    });
  });

  it('is refused where the query of its client became its own', async () => {
    const passedOn = [
      ['?scope=orders:read', '/admin/x?scope=orders:read'],
      ['?denials=403&scope=orders:read', '/admin/x?scope=orders:read'],
      ['?api=api_1', '/orders/1?api=api_1'],
    ] as const;
    for (const [query, uri] of passedOn) {
      const answer = await ask([AUTH, ...original('GET', uri)], query);
      expect(answer.body).toContain('The query of the original request came as that of the question.');
      expect(answer.code).toBe('invalid_request');
    }
    expect((await ask([AUTH, ...original('GET', '/orders/1?scope=admin')], '?scope=orders:read')).status).toBe(200);
  });

  it('hears each denial as 403 where it asks for that, with status and body for the client beside it', async () => {
    const told = async (fields: readonly string[], query = '?denials=403') => {
      const { status, head, body } = await ask(fields, query);
      const field = (name: string) => new RegExp(`\\r\\n${name}: ([^\\r]*)`).exec(head)?.[1];
      const meant = JSON.parse(field('X-Tessera-Denial-Body') ?? '');
      expect({ ...meant, status }).toEqual(JSON.parse(body));
      expect(field('X-Tessera-Denial-Status')).toBe(String(meant.status));
      return { status, meant: meant.status, field, code: meant.code };
    };
    const missing = await told(original('GET', '/orders/1'));
    expect([missing.status, missing.meant, missing.code]).toEqual([403, 401, 'missing']);
    expect(missing.field('WWW-Authenticate')).toBe('Bearer');
    const scope = await told([AUTH, ...original('GET', '/admin/x')]);
    expect([scope.status, scope.meant, scope.code]).toEqual([403, 403, 'insufficient_scope']);
    const limited = door.mint({ id: 'tok_limited' });
    const again = [`X-API-Key: ${limited}`, ...original('GET', '/limited')];
    expect((await ask(again, '?denials=403')).status).toBe(200);
    const rate = await told(again);
    expect([rate.status, rate.meant, rate.code]).toEqual([403, 429, 'rate_limited']);
    expect(Number(rate.field('Retry-After'))).toBeGreaterThan(50);
    expect(rate.field('RateLimit')).toContain(';r=0;');
    const odd = await told([AUTH, ...original('GET', '/orders/../admin')]);
    expect([odd.status, odd.meant, odd.code]).toEqual([403, 400, 'invalid_request']);
    const asked = await told([AUTH], '?scope=orders:write&denials=403');
    expect([asked.status, asked.meant, asked.code]).toEqual([403, 403, 'insufficient_scope']);
    expect(door.recorded.map(({ status }) => status)).toEqual([401, 403, 200, 429, 403]);
  });

  it('may ask with the request itself, its path below ours, and then nothing else says what is asked', async () => {
    const below = async (line: string, ...fields: readonly string[]) => {
      const answer = await door.raw(`${line} HTTP/1.1\r\n${lines('Host: api.test', ...fields, 'Connection: close')}`);
      return { ...answer, code: answer.body === '' ? undefined : JSON.parse(answer.body).code };
    };
    const ok = await below('GET /forward-auth/orders/1?x=1', AUTH);
    expect(ok.status).toBe(200);
    expect(ok.head).toContain('\r\nX-Tessera-Token-Id: tok_1\r\n');
    expect(await below('GET /forward-auth/orders/1')).toMatchObject({ status: 401, code: 'missing' });
    // The method and the query are the original request's own.
    expect(await below('POST /forward-auth/orders/1', AUTH)).toMatchObject({ status: 403, code: 'forbidden' });
    expect(await below('GET /forward-auth/admin/x?scope=orders:read', AUTH)).toMatchObject({ status: 403 });
    expect(await below('GET /forward-auth/admin/x?denials=403', AUTH)).toMatchObject({ code: 'insufficient_scope' });
    const tale = original('GET', '/orders/1');
    expect(await below('GET /forward-auth/admin/x', AUTH, ...tale)).toMatchObject({ status: 403 });
    expect(await below('GET /forward-auth/orders/1?access_token=x', AUTH)).toMatchObject({
      status: 400,
      code: 'duplicate_credentials',
    });
    for (const path of ['//admin/x', '/orders/../admin/x', '/orders/%2e%2e/admin/x', '/a;b'])
      expect(await below(`GET /forward-auth${path}`, AUTH)).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(door.recorded.map(({ route, status }) => [route, status])).toEqual([
      ['orders', 200],
      ['orders', 401],
      [undefined, 403],
      ['admin', 403],
      ['admin', 403],
      ['admin', 403],
      ['orders', 400],
    ]);
  });

  it('has the original request in the record, and the client that the proxy names', async () => {
    await ask([AUTH, ...original('GET', '/orders/1?secret=1'), 'X-Forwarded-For: 10.1.2.3', 'X-Request-Id: r2']);
    await ask([AUTH], '?scope=orders:read');
    expect(door.requests).toEqual([
      { requestId: 'r2', method: 'GET', path: '/orders/1', address: '10.1.2.3' },
      expect.objectContaining({ method: 'GET', path: '/forward-auth', address: '127.0.0.1' }),
    ]);
  });

  it('is believed on loopback about the client address: its last entry, whatever the client forged', async () => {
    const from = async (value: string) =>
      (await ask([AUTH, ...original('GET', '/inside'), `X-Forwarded-For: ${value}`])).status;
    expect(await from('10.1.2.3')).toBe(200);
    expect(await from('10.1.2.3, 6.6.6.6')).toBe(403);
    expect(await from('6.6.6.6, 10.1.2.3')).toBe(200);
    expect(await from('10.1.2.3, unknown')).toBe(403);
    expect((await ask([AUTH, ...original('GET', '/inside')])).status).toBe(403);
  });

  it('strips what a client sent under our names from what it asks', async () => {
    const { head } = await ask([AUTH, ...original('GET', '/orders/1'), 'X-Tessera-Owner: forged']);
    expect(head).not.toContain('forged');
  });

  it('asks with any method, and a body is not read', async () => {
    const fields = lines(
      'Host: tessera.test',
      AUTH,
      ...original('GET', '/orders/1'),
      'Content-Length: 5',
      'Connection: close',
    );
    expect((await door.raw(`POST /forward-auth HTTP/1.1\r\n${fields}hello`)).status).toBe(200);
  });
});

describe('the client that a proxy tells of in Forwarded', () => {
  it('is judged by address rules, and X-Forwarded-For is nobody then', async () => {
    const door = await testGateway({
      door: 'forward-auth',
      forwardedHeader: 'forwarded',
      routes: (url) => [
        {
          name: 'a',
          match: { path: '/*' },
          ip: { allow: ['10.0.0.0/8'] },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    const original = ['X-Forwarded-Method: GET', 'X-Forwarded-Host: a.test', 'X-Forwarded-Uri: /'];
    const ask = async (...fields: string[]) => (await door.get('/forward-auth', [AUTH, ...original, ...fields])).status;
    expect(await ask('Forwarded: for=10.0.0.7', 'X-Forwarded-For: 6.6.6.6')).toBe(200);
    expect(await ask('Forwarded: for=6.6.6.6', 'X-Forwarded-For: 10.0.0.7')).toBe(403);
    expect(await ask('Forwarded: for=10.0.0.7;for=10.0.0.8')).toBe(403);
    await door.close();
  });

  it('is found by counting, where hops are counted: loopback then is one like any other', async () => {
    const door = await testGateway({
      door: 'forward-auth',
      trustedHops: 2,
      routes: (url) => [
        {
          name: 'a',
          match: { path: '/*' },
          ip: { allow: ['10.0.0.0/8'] },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    const original = ['X-Forwarded-Method: GET', 'X-Forwarded-Host: a.test', 'X-Forwarded-Uri: /'];
    const ask = async (hops: string) =>
      (await door.get('/forward-auth', [AUTH, ...original, `X-Forwarded-For: ${hops}`])).status;
    expect(await ask('10.0.0.7, 127.0.0.1')).toBe(200);
    expect(await ask('10.0.0.7, 6.6.6.6, 127.0.0.1')).toBe(403);
    expect(await ask('10.0.0.7')).toBe(403);
    await door.close();
  });
});
