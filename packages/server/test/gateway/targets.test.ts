import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { OK } from './support/recording-upstream.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;

describe('what is matched is what is sent', () => {
  let gateway: TestGateway;
  let adminToken: string;
  beforeAll(async () => {
    gateway = await testGateway({
      routes: (url) => [
        { name: 'public', match: { path: '/*' }, upstream: { targets: [{ url, weight: 1 }] } },
        {
          name: 'admin',
          match: { path: '/admin/*' },
          require: { scopes: ['admin'] },
          upstream: { targets: [{ url, weight: 1 }] },
        },
        {
          name: 'other host',
          match: { host: 'api.example.test', path: '/*' },
          require: { scopes: ['api'] },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    adminToken = gateway.mint({ scopes: ['admin'] });
  });
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
    gateway.upstream.answer = OK;
  });
  afterAll(() => gateway.close());

  const ambiguous = [
    '/public/..%2fadmin',
    '/public%5c..%5cadmin',
    '/%252e%252e/admin',
    '/public/%2e%2e/admin',
    '/public/.%2E/admin',
    '/public/../admin',
    '/public/./admin',
    '/..',
    '/.',
    '/public/..;x=y/admin',
    '/admin;x=y',
    '/admin%3bx=y',
    '//admin',
    '/public//admin',
    '//169.254.169.254/x',
    '/public\\..\\admin',
    '/%61dmin%2f',
    '/%',
    '/%f',
    '/%zz',
    '/%ff',
    '/%c0%af',
    '/%ed%a0%80',
    '/a%00b',
    '/a%0d%0aX-Tessera-Owner:%20evil',
    '/a%7f',
    '/a"b',
    '/a<b',
    '/%2561',
    '/%25%36%31',
    '/a|b',
    '/a#b',
    '/a?b#c',
  ];
  it.each(ambiguous)('refuses %s with 400', async (path) => {
    const { status, body } = await gateway.get(path);
    expect(status).toBe(400);
    expect(body).toContain('"detail":"The request target is ambiguous or not valid."');
    expect(gateway.upstream.requests).toEqual([]);
    expect(gateway.faults).toEqual([]);
  });

  it.each(['/admin', '/admin/', '/admin/x', '/%61dmin', '/adm%69n/x', '/admin?x', '/admin/%2Ehidden'])(
    'guards %s by the rule for /admin/*',
    async (path) => {
      expect((await gateway.get(path)).status).toBe(403);
      expect(gateway.upstream.requests).toEqual([]);
      expect((await gateway.get(path, [`X-API-Key: ${adminToken}`])).status).toBe(200);
    },
  );

  const sent: readonly (readonly [string, string])[] = [
    ['/%61/%7eb', '/a/~b'],
    ['/a%40b/c%3ad', '/a@b/c:d'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a+b', '/a%2Bb'],
    ['/a%2bb', '/a%2Bb'],
    ['/a%20b', '/a%20b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/@evil', '/@evil'],
    ['/100%25', '/100%25'],
    ['/a?', '/a'],
    ['/a?x=%0d%0a&y=1%2f..%2f&z=[]', '/a?x=%0d%0a&y=1%2f..%2f&z=[]'],
    ['/a?b?c/../d', '/a?b?c/../d'],
  ];
  it.each(sent)('sends %s as %s, to the origin of the route', async (path, canonical) => {
    expect((await gateway.get(path)).status).toBe(200);
    expect(gateway.upstream.requests).toHaveLength(1);
    expect(gateway.upstream.requests[0]).toMatch(/^GET \S+ HTTP\/1\.1\r\nhost: 127\.0\.0\.1:/);
    expect(gateway.upstream.requests[0]?.split(' ')[1]).toBe(canonical);
  });

  it('has one spelling of a path: canonical forms stay as they are, and mean the same', () => {
    const character = fc.constantFrom(...Array.from('abAZ09-._~!$&()*+,;=:@/%25eEfF\\ "é\u0000'));
    const piece = fc.oneof(character, fc.constantFrom('%2e', '%2F', '%61', '%c3%a9', '%25', '..', '//'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = `/${pieces.join('')}`;
        const canonical = canonicalPath(path);
        if (canonical === undefined) return;
        expect(canonicalPath(canonical)).toBe(canonical);
        expect(decodeURIComponent(canonical)).toBe(decodeURIComponent(path));
        expect(decodeURIComponent(canonical)).not.toMatch(/\\|;|\/\/|\/\.{1,2}(?:\/|$)/);
        expect(decodeURIComponent(canonical).split('/')).toHaveLength(canonical.split('/').length);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    'api.example.test',
    'API.example.TEST',
    'api.example.test.',
    'api.example.test:443',
    'api.example.test:80',
    'api.example.test:8421',
  ])('takes Host %s for one host', async (host) => {
    const { status } = await gateway.raw(`GET / HTTP/1.1\r\n${lines(`Host: ${host}`, AUTH, 'Connection: close')}`);
    expect(status).toBe(403);
  });

  it.each(['xapi.example.test', 'api.example.test.evil', 'example.test', 'xn--api-cua.example.test', '[::1]:80'])(
    'does not take Host %s for it',
    async (host) => {
      const { status } = await gateway.raw(`GET / HTTP/1.1\r\n${lines(`Host: ${host}`, AUTH, 'Connection: close')}`);
      expect(status).toBe(200);
    },
  );

  it('survives 10 KB of wildcards and deep paths', async () => {
    expect((await gateway.get(`/${'*'.repeat(8_000)}`)).status).toBe(200);
    expect((await gateway.get('/a'.repeat(4_000))).status).toBe(200);
  });
});
