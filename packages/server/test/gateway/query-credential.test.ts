/** A credential in the query: only where a route takes it, never beside another, and it ends at the gateway. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestGateway, TOKEN, testGateway, UNKNOWN } from './support/gateway.ts';
import { answerWith, OK, valuesOf } from './support/recording-upstream.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;

describe('a route that takes access_token', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway({
      routes: (url) => {
        const upstream = { targets: [{ url, weight: 1 }] };
        return [
          { name: 'feed', match: { path: '/feed/*' }, credential: { strip: true, query: 'access_token' }, upstream },
          {
            name: 'kept',
            match: { path: '/kept' },
            credential: { strip: false, query: 'key' },
            transform: { response: { set: { 'Cache-Control': 'public', 'X-Own': '1' } } },
            upstream,
          },
          { name: 'all', match: { path: '/*' }, upstream },
        ];
      },
    });
  });
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
    gateway.recorded.length = 0;
    gateway.upstream.answer = OK;
  });
  afterAll(() => gateway.close());

  const ask = async (path: string, fields: readonly string[] = []) => {
    const answer = await gateway.get(path, fields);
    const code = answer.status === 200 ? undefined : JSON.parse(answer.body).code;
    expect(`${answer.head}${answer.body}`).not.toContain(TOKEN);
    return { ...answer, code, sent: gateway.upstream.requests.at(-1) };
  };

  it.each([
    [`access_token=${TOKEN}`, '/feed/x'],
    [`a=%7e&access_token=${TOKEN}&b`, '/feed/x?a=%7e&b'],
    [`%61ccess%5ftoken=${TOKEN.replaceAll('_', '%5F')}&a`, '/feed/x?a'],
    [`&&access_token=${TOKEN}`, '/feed/x?&'],
  ])('takes ?%s, and the upstream sees nothing of it', async (query, target) => {
    const { status, sent } = await ask(`/feed/x?${query}`);
    expect(status).toBe(200);
    expect(sent?.split(' ')[1]).toBe(target);
    expect(sent).not.toContain(TOKEN.slice(-20));
    expect(sent).not.toMatch(/token=/i);
    expect(valuesOf(sent ?? '', 'x-tessera-owner')).toEqual(['own_1']);
    expect(gateway.recorded).toMatchObject([{ route: 'feed', status: 200, code: 'ok' }]);
  });

  it('passes no Referer on, which may hold one too', async () => {
    const { sent } = await ask(`/feed/x?access_token=${TOKEN}`, [`Referer: https://a.test/?access_token=${TOKEN}`]);
    expect(sent).not.toContain(TOKEN);
    expect(valuesOf(sent ?? '', 'referer')).toEqual([]);
    expect(valuesOf((await ask('/feed/x', [AUTH, 'Referer: https://a.test/'])).sent ?? '', 'referer')).toHaveLength(1);
  });

  it('has its answer kept by no cache, whatever the upstream says', async () => {
    const cacheable = [
      'Cache-Control: public, max-age=60',
      'CDN-Cache-Control: max-age=60',
      'Surrogate-Control: max-age=60',
    ];
    gateway.upstream.answer = answerWith(
      `HTTP/1.1 200 OK\r\n${cacheable.join('\r\n')}\r\nReferrer-Policy: unsafe-url\r\nContent-Length: 0\r\n\r\n`,
    );
    const { head } = await ask(`/feed/x?access_token=${TOKEN}`);
    expect(head.match(/^(?:.*cache-control|.*surrogate-control|referrer-policy).*$/gim)).toEqual([
      'Cache-Control: private, no-store',
      'Referrer-Policy: no-referrer',
    ]);
    expect((await ask('/feed/x', [AUTH])).head).toContain('cache-control: public, max-age=60');
  });

  it.each([
    ['beside a header', `access_token=${TOKEN}`, [AUTH]],
    ['beside X-API-Key', `access_token=${TOKEN}`, [`X-API-Key: ${TOKEN}`]],
    ['twice', `access_token=${TOKEN}&access_token=${TOKEN}`, []],
    ['and in another spelling', `access_token=${TOKEN}&Access.Token=${TOKEN}`, []],
    ['beside a header, spelled otherwise', `%61ccess_token=${TOKEN}`, [AUTH]],
  ])('refuses two: %s', async (_, query, fields) => {
    expect(await ask(`/feed/x?${query}`, fields)).toMatchObject({ status: 400, code: 'duplicate_credentials' });
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('refuses what it does not know, what is empty, and what is elsewhere', async () => {
    expect(await ask(`/feed/x?access_token=${UNKNOWN}`)).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(await ask(`/feed/x?access_token=${TOKEN};a`)).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(await ask('/feed/x?access_token=')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await ask(`/feed/x?key=${TOKEN}`)).toMatchObject({ status: 401, code: 'missing' });
    expect(await ask(`/feed/x?Access_Token=${TOKEN}`)).toMatchObject({ status: 401, code: 'missing' });
    expect(await ask(`/other?access_token=${TOKEN}`)).toMatchObject({ status: 401, code: 'missing' });
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('refuses a token that is bound to a key: an address proves nothing', async () => {
    const bound = gateway.mint({ boundKey: 'x'.repeat(43) });
    expect(await ask(`/feed/x?access_token=${bound}`)).toMatchObject({ status: 401, code: 'invalid_token' });
    // Also with a proof: it belongs to a credential in Authorization (RFC 9449 section 7.1), and is not looked at.
    expect(await ask(`/feed/x?access_token=${bound}`, ['DPoP: x'])).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
    expect(gateway.faults).toEqual([]);
  });

  it('takes it out where credentials of headers are passed on, too', async () => {
    const { status, head, sent } = await ask(`/kept?key=${TOKEN}&a`);
    expect([status, sent?.split(' ')[1]]).toEqual([200, '/kept?a']);
    expect(sent).not.toContain(TOKEN);
    expect(head.match(/^cache-control.*$/gim)).toEqual(['Cache-Control: private, no-store']);
    expect(head).toContain('X-Own: 1');
    const passed = await gateway.get('/kept', [AUTH]);
    expect(passed.status).toBe(200);
    expect(gateway.upstream.requests.at(-1)).toContain(AUTH);
  });
});

describe('a proxy that asks about such a route', () => {
  it('hears of the same credential', async () => {
    const door = await testGateway({
      door: 'forward-auth',
      routes: (url) => {
        const upstream = { targets: [{ url, weight: 1 }] };
        return [
          { name: 'feed', match: { path: '/feed' }, credential: { strip: true, query: 'key' }, upstream },
          { name: 'all', match: { path: '/*' }, upstream },
        ];
      },
    });
    const ask = async (uri: string, ...fields: readonly string[]) => {
      const original = ['X-Forwarded-Method: GET', 'X-Forwarded-Host: a.test', `X-Forwarded-Uri: ${uri}`];
      return (await door.get('/forward-auth', [...original, ...fields])).status;
    };
    expect(await ask(`/feed?a&key=${TOKEN}`)).toBe(200);
    expect(await ask(`/feed?a&key=${TOKEN}`, AUTH)).toBe(400);
    expect(await ask(`/other?key=${TOKEN}`)).toBe(401);
    await door.close();
  });
});
