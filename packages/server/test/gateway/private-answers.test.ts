/** Caches: no shared one keeps an answer that a credential paid for, unless the upstream says itself that it may. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerWith, valuesOf } from './support/recording-upstream.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await testGateway({
    routes: (url) => [
      {
        name: 'own',
        match: { path: '/own' },
        transform: { response: { set: { 'Cache-Control': 'max-age=5' } } },
        upstream: { targets: [{ url }] },
      },
      { name: 'all', match: { path: '/*' }, upstream: { targets: [{ url }] } },
    ],
  });
});
afterAll(() => gateway.close());

/** What the client hears where the upstream says these lines. */
const heard = async (said: readonly string[], credential: string, path = '/x'): Promise<string[]> => {
  const lines = said.map((value) => `Cache-Control: ${value}\r\n`);
  gateway.upstream.answer = answerWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n', ...lines, '\r\nok');
  return valuesOf(`${(await gateway.get(path, [credential])).head}\r\n\r\n`, 'cache-control');
};

describe('an answer to X-API-Key', () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [[], ['private']],
    [[''], ['private']],
    [['max-age=60'], ['private, max-age=60']],
    [['max-age=60, must-revalidate'], ['private, max-age=60, must-revalidate']],
    [
      ['max-age=60', 'no-transform'],
      ['private, max-age=60', 'no-transform'],
    ],
    [['no-cache'], ['private, no-cache']],
    [['private="Set-Cookie", max-age=60'], ['private, private="Set-Cookie", max-age=60']],
    [['x="public, s-maxage=1", max-age=60'], ['private, x="public, s-maxage=1", max-age=60']],
    [['x="\\", public'], ['private, x="\\", public']],
    [['publicly, s-maxage=x'], ['private, publicly, s-maxage=x']],
    [['Public, max-age=60'], ['Public, max-age=60']],
    [['s-maxage=60'], ['s-maxage=60']],
    [
      ['max-age=60', 'PRIVATE'],
      ['max-age=60', 'PRIVATE'],
    ],
    [['no-store'], ['no-store']],
  ];
  it.each(cases)('says %j as %j', async (said, expected) => {
    expect(await heard(said, `X-API-Key: ${TOKEN}`)).toEqual(expected);
  });

  it('is private also where the route says something else of it', async () => {
    expect(await heard(['public'], `X-API-Key: ${TOKEN}`, '/own')).toEqual(['private, max-age=5']);
  });
});

describe('an answer to Authorization', () => {
  it('goes on as it came: caches know that field (RFC 9111 section 3.5)', async () => {
    expect(await heard(['max-age=60'], `Authorization: Bearer ${TOKEN}`)).toEqual(['max-age=60']);
    expect(await heard([], `Authorization: Bearer ${TOKEN}`)).toEqual([]);
  });
});
