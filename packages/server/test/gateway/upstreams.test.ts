import { afterEach, describe, expect, it } from 'vitest';
import { startEcho } from '../../src/gateway/echo.ts';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerWith, OK, type RecordingUpstream, recordingUpstream } from './support/recording-upstream.ts';

describe('connections to upstreams', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const started = async (): Promise<RecordingUpstream> => {
    const upstream = await recordingUpstream();
    ends.push(() => upstream.close());
    return upstream;
  };

  it('are closed when no route names them any more, after the request that runs', async () => {
    const upstream = await started();
    const gateway = await testGateway({
      routes: () => [
        { name: 'a', match: { path: '/*' }, upstream: { targets: [{ url: upstream.origin, weight: 1 }] } },
      ],
    });
    ends.push(() => gateway.close());
    upstream.answer = () => {};
    const answer = gateway.get('/');
    await upstream.seen('GET /');
    gateway.pools.follow([]);
    upstream.answerNow('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect((await answer).status).toBe(200);
    await upstream.disconnected;
    upstream.answer = OK;
    expect((await gateway.get('/')).status).toBe(200);
  });

  it('take each request once, on one connection at a time', async () => {
    const gateway = await testGateway();
    ends.push(() => gateway.close());
    await Promise.all(Array.from({ length: 50 }, (_, index) => gateway.get(`/${index}`)));
    expect(new Set(gateway.upstream.requests.map((request) => request.split(' ')[1])).size).toBe(50);
    expect(gateway.upstream.requests).toHaveLength(50);
  });
});

describe('the configured origin is the only one that is spoken to', () => {
  it.each([
    '//ELSEWHERE/x',
    'http://ELSEWHERE/x',
    '/@ELSEWHERE/x',
    '/http://ELSEWHERE/x',
    '/\\\\ELSEWHERE/x',
    '/x?url=http://ELSEWHERE/x',
    '/%2f%2fELSEWHERE/x',
  ])('whatever the path says: %s', async (path) => {
    const [elsewhere, gateway] = [await recordingUpstream(), await testGateway()];
    const fields = [`Authorization: Bearer ${TOKEN}`, `X-Forwarded-Host: ${elsewhere.authority}`];
    const target = path.replace('ELSEWHERE', elsewhere.authority);
    // Passed to the configured origin as a path, or refused; a Host that agrees with an absolute target changes nothing.
    for (const host of ['a.test', elsewhere.authority]) {
      const { status } = await gateway.raw(
        `GET ${target} HTTP/1.1\r\n${lines(`Host: ${host}`, ...fields, 'Connection: close')}`,
      );
      expect([200, 400]).toContain(status);
    }
    expect(elsewhere.bytes()).toBe('');
    await Promise.all([gateway.close(), elsewhere.close()]);
  });

  it('a redirect is the answer, for the client to follow or not', async () => {
    const [elsewhere, gateway] = [await recordingUpstream(), await testGateway()];
    gateway.upstream.answer = answerWith(
      `HTTP/1.1 302 Found\r\nLocation: ${elsewhere.origin}/latest/meta-data\r\nContent-Length: 0\r\n\r\n`,
    );
    const { status, head } = await gateway.get('/');
    expect(status).toBe(302);
    expect(head).toContain(`\r\nlocation: ${elsewhere.origin}/latest/meta-data`);
    expect(elsewhere.bytes()).toBe('');
    await Promise.all([gateway.close(), elsewhere.close()]);
  });
});

describe('the built-in echo', () => {
  let gateway: TestGateway;
  afterEach(() => gateway.close());

  it('answers what an upstream sees', async () => {
    const echo = await startEcho({
      onError: (error) => {
        throw error;
      },
    });
    gateway = await testGateway({
      routes: () => [
        {
          name: 'echo',
          match: { path: '/*' },
          upstream: { targets: [{ url: `http://127.0.0.1:${echo.port}`, weight: 1 }] },
        },
      ],
    });
    const fields = lines(
      'Host: a.test',
      `X-API-Key: ${TOKEN}`,
      'X-Request-Id: r1',
      'Content-Length: 5',
      'Connection: close',
    );
    const { status, body } = await gateway.raw(`POST /hello?x=1 HTTP/1.1\r\n${fields}hello`);
    expect(status).toBe(200);
    const seen = JSON.parse(body);
    expect([seen.method, seen.path]).toEqual(['POST', '/hello?x=1']);
    expect(seen.headers).toMatchObject({
      'x-tessera-token-id': 'tok_1',
      'x-tessera-owner': 'own_1',
      'x-tessera-scopes': 'orders:read orders:list',
      'x-request-id': 'r1',
      'content-length': '5',
    });
    expect(body).not.toContain(TOKEN);
    await echo.close(0);
  });
});
