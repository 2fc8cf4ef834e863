/** Pages of other origins: preflights are answered without credential and upstream, refusals can be read, and nothing is said to strangers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import type { RawAnswer } from './support/raw-client.ts';
import { answerWith, OK, valuesOf } from './support/recording-upstream.ts';

const APP = 'https://app.example.com';
const AUTH = `Authorization: Bearer ${TOKEN}`;
const EXPOSED =
  'RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await testGateway({
    routes: (url) => {
      const upstream = { targets: [{ url, weight: 1 }] };
      return [
        {
          name: 'app',
          match: { path: '/app/*', methods: ['GET', 'POST'] },
          cors: { origins: [APP, 'http://localhost:5173'] },
          upstream,
        },
        { name: 'put', match: { path: '/app/*', methods: ['PUT'] }, upstream },
        {
          name: 'told',
          match: { path: '/told' },
          cors: {
            origins: [APP],
            methods: ['GET', 'DELETE'],
            headers: ['X-Trace', 'authorization'],
            exposeHeaders: ['ETag'],
            credentials: true,
            maxAge: 60,
          },
          transform: { response: { set: { 'X-Own': '1' } } },
          credential: { strip: true, query: 'key' },
          upstream,
        },
        { name: 'any', match: { path: '/any' }, cors: { origins: ['*'] }, upstream },
        {
          name: 'one',
          match: { path: '/one' },
          cors: { origins: [APP] },
          limits: [{ limit: 1, window: 60 }],
          upstream,
        },
        { name: 'small', match: { path: '/small' }, cors: { origins: [APP] }, bounds: { maxBodyBytes: 1 }, upstream },
        { name: 'all', match: { path: '/*' }, upstream },
      ];
    },
  });
});
beforeEach(() => {
  gateway.upstream.requests.length = 0;
  gateway.recorded.length = 0;
  gateway.preflights.length = 0;
  gateway.upstream.answer = OK;
});
afterAll(async () => {
  expect(gateway.faults).toEqual([]);
  await gateway.close();
});

const send = (method: string, path: string, ...fields: readonly string[]): Promise<RawAnswer> =>
  gateway.raw(`${[method, path, 'HTTP/1.1'].join(' ')}\r\n${lines('Host: a.test', ...fields, 'Connection: close')}`);

const preflight = (path: string, method: string, origin: string, ...more: readonly string[]): Promise<RawAnswer> =>
  send('OPTIONS', path, `Origin: ${origin}`, `Access-Control-Request-Method: ${method}`, ...more);

const field = ({ head }: RawAnswer, name: string): string[] => valuesOf(`${head}\r\n\r\n`, name);
const told = (answer: RawAnswer): Record<string, string> =>
  Object.fromEntries(
    answer.head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)] as const)
      .filter(([name]) => name.startsWith('access-control-') || name === 'vary'),
  );

describe('a preflight', () => {
  it('is answered without a credential and without the upstream', async () => {
    const answer = await preflight('/app/x', 'POST', APP, 'Access-Control-Request-Headers: authorization,content-type');
    expect([answer.status, answer.body]).toEqual([204, '']);
    expect(told(answer)).toEqual({
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Authorization, Content-Type, DPoP, X-API-Key, X-Request-Id',
      'access-control-max-age': '600',
    });
    expect(field(answer, 'x-request-id')).toHaveLength(1);
    expect(gateway.upstream.requests).toEqual([]);
    expect(gateway.recorded).toEqual([]);
    expect(gateway.preflights).toEqual([true]);
  });

  it('tells what the route says', async () => {
    expect(told(await preflight('/told', 'PATCH', APP))).toEqual({
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, DELETE',
      'access-control-allow-headers': 'Authorization, Content-Type, DPoP, X-API-Key, X-Request-Id, X-Trace',
      'access-control-max-age': '60',
    });
    expect(told(await preflight('/any', 'GET', 'https://x.test'))['access-control-allow-origin']).toBe('*');
  });

  it.each([
    'https://app.example.com.evil.test',
    'https://evil.test',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com/',
    'HTTPS://APP.EXAMPLE.COM',
    'https://sub.app.example.com',
    'null',
    '*',
    '',
    `${APP}, https://evil.test`,
  ])('of the origin %s gets no permission', async (origin) => {
    const answer = await preflight('/app/x', 'GET', origin);
    expect(answer.status).toBe(204);
    expect(told(answer)).toEqual({ vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' });
    expect(gateway.preflights).toEqual([false]);
  });

  it('with two origins gets no permission', async () => {
    const answer = await preflight('/app/x', 'GET', APP, `Origin: ${APP}`);
    expect(told(answer)['access-control-allow-origin']).toBeUndefined();
  });

  it('may have a body: it is dropped', async () => {
    const head = lines('Host: a.test', `Origin: ${APP}`, 'Access-Control-Request-Method: GET', 'Content-Length: 5');
    const { status } = await gateway.raw(
      `OPTIONS /app/x HTTP/1.1\r\n${head}helloOPTIONS /app/x HTTP/1.1\r\n${lines('Host: a.test', 'Connection: close')}`,
    );
    expect(status).toBe(204);
    expect(gateway.upstream.requests).toEqual([]);
  });
});

describe('an OPTIONS request that is no preflight is a request like any other', () => {
  it.each<[string, string, readonly string[]]>([
    ['no Origin', '/app/x', ['Access-Control-Request-Method: GET']],
    ['no method asked for', '/app/x', [`Origin: ${APP}`]],
    ['no method at all', '/app/x', [`Origin: ${APP}`, 'Access-Control-Request-Method: ']],
    ['two methods', '/app/x', [`Origin: ${APP}`, 'Access-Control-Request-Method: GET, POST']],
    ['a route without rules', '/x', [`Origin: ${APP}`, 'Access-Control-Request-Method: GET']],
    ['the method of a route without rules', '/app/x', [`Origin: ${APP}`, 'Access-Control-Request-Method: PUT']],
    ['a method that no route takes', '/app/x', [`Origin: ${APP}`, 'Access-Control-Request-Method: DELETE']],
  ])('%s', async (_, path, fields) => {
    const answer = await send('OPTIONS', path, ...fields);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'missing']);
    expect(told(answer)['access-control-allow-origin']).toBeUndefined();
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('and reaches its upstream with a credential', async () => {
    expect((await send('OPTIONS', '/x', AUTH, `Origin: ${APP}`, 'Access-Control-Request-Method: GET')).status).toBe(
      200,
    );
    expect(gateway.upstream.requests[0]).toMatch(/^OPTIONS \/x /);
  });
});

describe('an answer', () => {
  it('may be read by the page that asked', async () => {
    const answer = await send('GET', '/app/x', AUTH, `Origin: ${APP}`);
    expect(answer.status).toBe(200);
    expect(told(answer)).toEqual({
      vary: 'Origin',
      'access-control-allow-origin': APP,
      'access-control-expose-headers': EXPOSED,
    });
    expect(valuesOf(gateway.upstream.requests[0] ?? '', 'origin')).toEqual([APP]);
  });

  it('may not be read by another, and caches keep them apart', async () => {
    expect(told(await send('GET', '/app/x', AUTH, 'Origin: https://evil.test'))).toEqual({ vary: 'Origin' });
    expect(told(await send('GET', '/app/x', AUTH))).toEqual({ vary: 'Origin' });
    expect(told(await send('GET', '/any', AUTH))).toEqual({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': EXPOSED,
    });
    expect(told(await send('GET', '/x', AUTH, `Origin: ${APP}`))).toEqual({});
  });

  it('says what we say, not what the upstream does, and keeps its Vary', async () => {
    const theirs = [
      'Access-Control-Allow-Origin: *',
      'Access-Control-Allow-Credentials: true',
      'Access-Control-Expose-Headers: X',
    ];
    gateway.upstream.answer = answerWith(
      `HTTP/1.1 200 OK\r\n${theirs.join('\r\n')}\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n`,
    );
    const answer = await send('GET', '/app/x', AUTH, 'Origin: https://evil.test');
    expect([field(answer, 'access-control-allow-origin'), field(answer, 'access-control-allow-credentials')]).toEqual([
      [],
      [],
    ]);
    expect(field(answer, 'vary')).toEqual(['Accept', 'Origin']);
    const own = await send('GET', '/told', AUTH, `Origin: ${APP}`);
    expect(field(own, 'access-control-allow-origin')).toEqual([APP]);
    expect(field(own, 'access-control-allow-credentials')).toEqual(['true']);
    expect(field(own, 'access-control-expose-headers')).toEqual([`${EXPOSED}, ETag`]);
    expect(field(own, 'x-own')).toEqual(['1']);
    // Without rules here, the upstream's are none of our business.
    expect(field(await send('GET', '/x', AUTH), 'access-control-allow-origin')).toEqual(['*']);
  });

  it('to a credential in the query is private and readable', async () => {
    const answer = await send('GET', `/told?key=${TOKEN}`, `Origin: ${APP}`);
    expect([answer.status, field(answer, 'cache-control'), field(answer, 'access-control-allow-origin')]).toEqual([
      200,
      ['private, no-store'],
      [APP],
    ]);
  });

  it('is readable where we refuse: 401, 429, 413 and 502', async () => {
    const readable = async (answer: Promise<RawAnswer>): Promise<unknown[]> => {
      const got = await answer;
      return [got.status, field(got, 'access-control-allow-origin'), field(got, 'vary')];
    };
    expect(await readable(send('GET', '/app/x', `Origin: ${APP}`))).toEqual([401, [APP], ['Origin']]);
    expect(await readable(send('GET', '/app/x', 'Origin: https://evil.test'))).toEqual([401, [], ['Origin']]);
    await send('GET', '/one', AUTH, `Origin: ${APP}`);
    expect(await readable(send('GET', '/one', AUTH, `Origin: ${APP}`))).toEqual([429, [APP], ['Origin']]);
    expect(await readable(send('POST', '/small', AUTH, `Origin: ${APP}`, 'Content-Length: 2'))).toEqual([
      413,
      [APP],
      ['Origin'],
    ]);
    gateway.upstream.answer = (_, socket) => socket.destroy();
    expect(await readable(send('GET', '/app/x', AUTH, `Origin: ${APP}`))).toEqual([502, [APP], ['Origin']]);
  });
});
