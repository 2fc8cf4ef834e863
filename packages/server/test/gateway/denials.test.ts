import { addressRule } from '@tessera/verify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway, UNKNOWN } from './support/gateway.ts';
import { OK, valuesOf } from './support/recording-upstream.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;

describe('a request that may not pass', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway({
      routes: (url) => {
        const upstream = { targets: [{ url, weight: 1 }] };
        return [
          {
            name: 'orders',
            match: { path: '/orders/*', methods: ['GET'] },
            require: { scopes: ['orders:read'] },
            upstream,
          },
          {
            name: 'orders-write',
            match: { path: '/orders/*', methods: ['POST'] },
            require: { scopes: ['orders:read', 'orders:write'] },
            upstream,
          },
          { name: 'inside', match: { path: '/inside' }, ip: { allow: ['10.0.0.0/8'] }, upstream },
          { name: 'keep', match: { path: '/keep' }, credential: { strip: false }, upstream },
          { name: 'elsewhere', workspace: 'ws_b', match: { path: '/elsewhere' }, upstream },
        ];
      },
    });
  });
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
    gateway.recorded.length = 0;
    gateway.upstream.answer = OK;
  });
  afterAll(() => {
    expect(gateway.faults).toEqual([]);
    return gateway.close();
  });

  const refused = async (fields: readonly string[], path = '/orders/1') => {
    const answer = await gateway.get(path, fields);
    expect(gateway.upstream.requests).toEqual([]);
    const challenge = /\r\nWWW-Authenticate: (.*)/.exec(answer.head)?.[1];
    const { code, detail, title } = JSON.parse(answer.body);
    return { status: answer.status, challenge, code, detail, title };
  };

  it('hears 401 and a challenge without error where it presents nothing', async () => {
    expect(await refused([])).toEqual({
      status: 401,
      challenge: 'Bearer',
      code: 'missing',
      detail: undefined,
      title: 'A token is required.',
    });
    expect(await refused(['Authorization: Basic dXNlcjpwYXNz'])).toMatchObject({ status: 401, code: 'missing' });
    expect(gateway.recorded).toEqual([
      { door: 'gateway', route: 'orders', status: 401, code: 'missing' },
      { door: 'gateway', route: 'orders', status: 401, code: 'missing' },
    ]);
  });

  it.each(['Authorization: Bearer', 'Authorization: Bearer ', 'X-API-Key:'])(
    'hears 400 invalid_request where its credential is empty: %s',
    async (field) => {
      expect(await refused([field])).toMatchObject({
        status: 400,
        challenge: 'Bearer error="invalid_request"',
        code: 'invalid_request',
      });
    },
  );

  it('hears 400 where it presents two credentials', async () => {
    const two = { status: 400, challenge: 'Bearer error="invalid_request"', code: 'duplicate_credentials' };
    expect(await refused([AUTH, `X-API-Key: ${TOKEN}`])).toMatchObject(two);
    expect(await refused([AUTH, AUTH])).toMatchObject(two);
    expect(await refused([AUTH], '/orders/1?access_token=other')).toMatchObject(two);
  });

  it('is never let in by a credential in the query', async () => {
    expect(await refused([], `/orders/1?access_token=${TOKEN}`)).toMatchObject({ status: 401, code: 'missing' });
  });

  it('hears one and the same 401 for every credential that is not valid here', async () => {
    const credentials = {
      unknown: UNKNOWN,
      malformed: `${TOKEN}=`,
      checksum: TOKEN.slice(0, -1) + (TOKEN.endsWith('0') ? '1' : '0'),
      revoked: gateway.mint({ revokedAt: 1 }),
      expired: gateway.mint({ expiresAt: 1 }),
      disabled: gateway.mint({ enabled: false }),
      elsewhere: gateway.mint({ workspace: { id: 'ws_b', enabled: true } }),
    };
    const answers = await Promise.all(
      Object.values(credentials).map((text) => refused([`Authorization: Bearer ${text}`])),
    );
    for (const answer of answers) {
      expect(answer).toEqual({
        status: 401,
        challenge: 'Bearer error="invalid_token"',
        code: 'invalid_token',
        detail: undefined,
        title: 'The token is not valid here.',
      });
    }
    expect(gateway.recorded.map(({ code }) => code).sort()).toEqual(
      ['unknown', 'malformed', 'malformed', 'revoked', 'expired', 'disabled', 'unknown'].sort(),
    );
  });

  it('never hears its credential again', async () => {
    for (const text of [UNKNOWN, `${UNKNOWN}x`]) {
      const { head, body } = await gateway.get('/orders/1', [`Authorization: Bearer ${text}`]);
      expect(head + body).not.toContain(UNKNOWN);
    }
  });

  it('hears 403 with every required scope where it lacks one', async () => {
    const answer = await gateway.raw(
      `POST /orders/1 HTTP/1.1\r\n${lines('Host: a.test', AUTH, 'Content-Length: 0', 'Connection: close')}`,
    );
    expect(answer.status).toBe(403);
    expect(answer.head).toContain(
      '\r\nWWW-Authenticate: Bearer error="insufficient_scope", scope="orders:read orders:write"',
    );
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'insufficient_scope',
      detail: 'missing scope: orders:write',
    });
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('is judged anew by each route', async () => {
    const token = gateway.mint({ scopes: ['orders:read'] });
    const ask = (method: string) =>
      gateway.raw(
        `${method} /orders/1 HTTP/1.1\r\n${lines('Host: a.test', `Authorization: Bearer ${token}`, 'Connection: close')}`,
      );
    expect((await ask('GET')).status).toBe(200);
    expect((await ask('POST')).status).toBe(403);
    expect((await ask('GET')).status).toBe(200);
    expect(gateway.upstream.requests).toHaveLength(2);
  });

  it('hears 403 from outside the allowed addresses, of the route or of the token', async () => {
    const { status, code, detail } = await refused([AUTH], '/inside');
    expect([status, code, detail]).toEqual([403, 'ip_denied', undefined]);
    const bound = gateway.mint({ addresses: [addressRule('token', { deny: ['127.0.0.0/8'] })] });
    expect(await refused([`X-API-Key: ${bound}`])).toMatchObject({ status: 403, code: 'ip_denied' });
  });

  it('hears 503 where a port cannot answer', async () => {
    const faulty = await testGateway({
      ports: {
        tokens: {
          known: () => undefined,
          find: () => Promise.reject(new Error('the store is gone: secret detail')),
          imported: () => [],
        },
      },
    });
    const { status, body, head } = await faulty.get('/');
    expect([status, JSON.parse(body).code]).toEqual([503, 'fault']);
    expect(head + body).not.toContain('secret detail');
    expect(faulty.upstream.requests).toEqual([]);
    expect(faulty.faults).toHaveLength(1);
    await faulty.close();
  });

  it('does not learn which paths exist without a valid token', async () => {
    const stranger = await refused([], '/nowhere');
    expect(stranger).toEqual(await refused([], '/orders/1'));
    const guesser = await refused([`Authorization: Bearer ${UNKNOWN}`], '/nowhere');
    expect(guesser).toEqual(await refused([`Authorization: Bearer ${UNKNOWN}`], '/orders/1'));
    expect(await refused([AUTH], '/nowhere')).toMatchObject({ status: 404, code: 'not_found' });
    const theirs = gateway.mint({ workspace: { id: 'ws_b', enabled: true } });
    expect(await refused([`X-API-Key: ${theirs}`], '/nowhere')).toMatchObject({ status: 401, code: 'invalid_token' });
  });

  it('hears 405 with the methods of the path where its token is valid', async () => {
    const ask = (...fields: string[]) =>
      gateway.raw(`PATCH /orders/1 HTTP/1.1\r\n${lines('Host: a.test', ...fields, 'Connection: close')}`);
    expect((await ask()).status).toBe(401);
    const theirs = gateway.mint({ workspace: { id: 'ws_b', enabled: true } });
    expect((await ask(`X-API-Key: ${theirs}`)).status).toBe(401);
    const { status, head } = await ask(AUTH);
    expect(status).toBe(405);
    expect(head).toContain('\r\nAllow: GET, POST, HEAD\r\n');
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('is judged in the workspace of the route', async () => {
    const theirs = gateway.mint({ workspace: { id: 'ws_b', enabled: true } });
    expect(await refused([AUTH], '/elsewhere')).toMatchObject({ status: 401, code: 'invalid_token' });
    expect((await gateway.get('/elsewhere', [`X-API-Key: ${theirs}`])).status).toBe(200);
  });

  it('sends OPTIONS through the same decision, preflight or not', async () => {
    const preflight = ['Origin: https://x.test', 'Access-Control-Request-Method: POST'];
    for (const fields of [preflight, []]) {
      const { status } = await gateway.raw(
        `OPTIONS /orders/1 HTTP/1.1\r\n${lines('Host: a.test', ...fields, 'Connection: close')}`,
      );
      expect(status).toBe(401);
    }
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('has its credential hidden from the upstream, unless the route keeps it', async () => {
    await gateway.get('/orders/1', [`x-api-KEY: ${TOKEN}`, 'Authorization: Basic eDp5', 'DPoP: proof']);
    const [hidden = ''] = gateway.upstream.requests;
    expect(hidden).not.toContain(TOKEN);
    expect(valuesOf(hidden, 'authorization')).toEqual(['Basic eDp5']);
    expect(valuesOf(hidden, 'dpop')).toEqual([]);
    await gateway.get('/keep');
    expect(valuesOf(gateway.upstream.requests[1] ?? '', 'authorization')).toEqual([`Bearer ${TOKEN}`]);
  });

  it('tells no stack, version or upstream address', async () => {
    const answers = await Promise.all([
      gateway.get('/orders/1', []),
      gateway.get('/nowhere'),
      gateway.get('/%'),
      gateway.raw('GET / HTTP/1.1\r\n\r\n'),
      gateway.raw(`GET / HTTP/1.1\r\n${lines(`X: ${'a'.repeat(20_000)}`)}`),
    ]);
    for (const { head, body, status } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(head).toMatch(/\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: [0-9a-f]{16}-[0-9a-z]+\r\n/);
      expect(head).toMatch(/\r\nCache-Control: no-store/);
      expect(head + body).not.toMatch(/at .*\.ts|node:|undici|Server:|X-Powered-By/i);
      expect(head + body).not.toContain(gateway.upstream.authority);
      expect(JSON.parse(body).type).toBe(`urn:tessera:problem:${JSON.parse(body).code}`);
    }
  });
});

describe('an address that guesses', () => {
  it('is made to wait before its next credential is looked at; no other refusal counts', async () => {
    const gateway = await testGateway({ maxGuesses: 3 });
    const revoked = gateway.mint({ revokedAt: 1 });
    for (const text of [UNKNOWN, revoked, `${UNKNOWN}x`, UNKNOWN]) await gateway.get('/', [`X-API-Key: ${text}`]);
    expect(Object.fromEntries(gateway.guesses)).toEqual({ '127.0.0.1': 3 });
    const { status, head, body } = await gateway.get('/');
    expect(status).toBe(429);
    expect(head).toContain('\r\nRetry-After: 60\r\n');
    expect(JSON.parse(body).code).toBe('rate_limited');
    expect((await gateway.get('/', [])).status).toBe(401);
    expect(gateway.upstream.requests).toEqual([]);
    expect(gateway.recorded.at(-2)).toEqual({ door: 'gateway', route: 'all', status: 429, code: 'rate_limited' });
    await gateway.close();
  });
});
