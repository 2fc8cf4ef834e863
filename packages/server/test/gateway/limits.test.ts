import { afterEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, type TestOptions, TOKEN, testGateway } from './support/gateway.ts';
import { answerWith } from './support/recording-upstream.ts';

const fieldsOf = (head: string): Record<string, string> =>
  Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );

const limited =
  (...limits: readonly { limit: number; window: number; by?: 'token' | 'address'; name?: string }[]) =>
  (url: string) => [{ name: 'a', match: { path: '/*' }, limits, upstream: { targets: [{ url, weight: 1 }] } }];

describe('a limited route', () => {
  let gateway: TestGateway;
  const start = async (options: TestOptions) => {
    gateway = await testGateway(options);
    return gateway;
  };
  afterEach(() => gateway.close());

  it('says how its limits stand, on what passes and on what does not', async () => {
    const { upstream, get } = await start({
      routes: limited({ limit: 2, window: 60 }, { limit: 100, window: 3600, name: 'hourly' }),
    });
    upstream.answer = answerWith(
      'HTTP/1.1 200 OK\r\nRateLimit: "theirs";r=9;t=9\r\nX-RateLimit-Remaining: 999\r\nContent-Length: 0\r\n\r\n',
    );
    const first = await get('/');
    expect(first.status).toBe(200);
    expect(first.head).not.toMatch(/theirs|999/);
    expect(fieldsOf(first.head)).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '30',
      ratelimit: '"2-per-60s";r=1;t=30, "hourly";r=99;t=36',
      'ratelimit-policy': '"2-per-60s";q=2;w=60, "hourly";q=100;w=3600',
    });
    await get('/');
    const third = await get('/');
    expect(third.status).toBe(429);
    expect(fieldsOf(third.head)).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0' });
    expect(Number(fieldsOf(third.head)['retry-after'])).toBeGreaterThan(0);
    expect(fieldsOf(third.head).ratelimit).toMatch(/^"2-per-60s";r=0;t=[0-9]+, "hourly";r=98;t=[0-9]+$/);
    expect(JSON.parse(third.body)).toMatchObject({ code: 'rate_limited', title: 'Too many requests.' });
    expect(upstream.requests).toHaveLength(2);
  });

  it('leaves what an upstream says of its own limits where it has none itself', async () => {
    const { upstream, get } = await start({});
    upstream.answer = answerWith('HTTP/1.1 200 OK\r\nX-RateLimit-Remaining: 999\r\nContent-Length: 0\r\n\r\n');
    expect(fieldsOf((await get('/')).head)['x-ratelimit-remaining']).toBe('999');
  });

  it('counts every spelling of a path, and every query, in one bucket', async () => {
    const { get, upstream } = await start({ routes: limited({ limit: 5, window: 60 }) });
    const spellings = ['/a', '/A', '/a/', '/%61', '/a?x'];
    for (const path of spellings) expect((await get(path)).status).toBe(200);
    expect((await get('/a', [`x-ApI-kEy: ${TOKEN}`])).status).toBe(429);
    expect(upstream.requests).toHaveLength(spellings.length);
  });

  it('counts an IPv4-mapped address as its IPv4 address, and two clients apart', async () => {
    const { raw } = await start({ routes: limited({ limit: 2, window: 60, by: 'address' }), trusted: ['127.0.0.1'] });
    const from = async (address: string) => {
      const auth = `Authorization: Bearer ${TOKEN}`;
      const head = lines('Host: a.test', auth, `X-Forwarded-For: ${address}`, 'Connection: close');
      return (await raw(`GET / HTTP/1.1\r\n${head}`)).status;
    };
    expect(await from('1.2.3.4')).toBe(200);
    expect(await from('::ffff:1.2.3.4')).toBe(200);
    expect(await from('[::ffff:102:304]:5000')).toBe(429);
    expect(await from('1.2.3.5')).toBe(200);
  });

  it('carries the limits of a token on its own 404, too', async () => {
    const { get, mint } = await start({
      routes: (url) => [{ name: 'a', match: { path: '/a' }, upstream: { targets: [{ url, weight: 1 }] } }],
    });
    const limits = [{ key: 'k', name: 'mine', limit: 3, windowSeconds: 60, burst: 3, cost: 1 }];
    const { status, head } = await get('/b', [`X-API-Key: ${mint({ limits })}`]);
    expect([status, fieldsOf(head).ratelimit]).toEqual([404, '"mine";r=2;t=20']);
  });
});

describe('a client behind proxies', () => {
  const hops = async (trusted: readonly string[], ...values: readonly string[]) => {
    const gateway = await testGateway({ trusted });
    const head = lines(
      'Host: a.test',
      `X-API-Key: ${TOKEN}`,
      ...values.map((value) => `X-Forwarded-For: ${value}`),
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: Shop.test:443',
      'Connection: close',
    );
    await gateway.raw(`GET / HTTP/1.1\r\n${head}`);
    const [request = ''] = gateway.upstream.requests;
    await gateway.close();
    return /X-Forwarded-For: (.*)\r\nX-Forwarded-Host: (.*)\r\nX-Forwarded-Proto: (.*)\r\n/.exec(request)?.slice(1);
  };

  it('is its socket address where nobody is trusted', async () => {
    expect(await hops([], '1.1.1.1')).toEqual(['127.0.0.1', 'a.test', 'http']);
    expect(await hops(['10.0.0.0/8'], '1.1.1.1')).toEqual(['127.0.0.1', 'a.test', 'http']);
  });

  it('is the first hop from the right that is not trusted; what stands left of it is gone', async () => {
    expect(await hops(['127.0.0.1'], '6.6.6.6, 2.2.2.2', '3.3.3.3')).toEqual([
      '3.3.3.3, 127.0.0.1',
      'shop.test',
      'https',
    ]);
    expect(await hops(['127.0.0.1', '3.3.3.0/24'], '6.6.6.6,2.2.2.2,3.3.3.3')).toEqual([
      '2.2.2.2, 3.3.3.3, 127.0.0.1',
      'shop.test',
      'https',
    ]);
  });

  it('is unknown where a trusted hop names no address', async () => {
    expect(await hops(['127.0.0.1'], '1.1.1.1, unknown')).toEqual(['unknown, 127.0.0.1', 'shop.test', 'https']);
  });
});

describe('a client behind proxies that write Forwarded', () => {
  it('is what they say, with host and scheme; the other header and theirs stay here', async () => {
    const gateway = await testGateway({ trusted: ['127.0.0.1'], forwardedHeader: 'forwarded' });
    const forged = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.test'];
    const told = 'Forwarded: for=5.5.5.5, for="[2001:db8::7]:4711";host=shop.test;proto=https';
    await gateway.get('/', [`X-API-Key: ${TOKEN}`, ...forged, told]);
    await gateway.get('/', [`X-API-Key: ${TOKEN}`, ...forged]);
    const [first = '', second = ''] = gateway.upstream.requests;
    await gateway.close();
    expect(first).toContain(
      '\r\nX-Forwarded-For: 2001:db8::7, 127.0.0.1\r\nX-Forwarded-Host: shop.test\r\nX-Forwarded-Proto: https\r\n',
    );
    expect(second).toContain(
      '\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Proto: http\r\n',
    );
    expect(`${first}${second}`.toLowerCase()).not.toMatch(/\r\nforwarded:|6\.6\.6\.6|evil/);
  });

  it('is refused by an address rule where they cannot be understood', async () => {
    const gateway = await testGateway({
      trusted: ['127.0.0.1'],
      forwardedHeader: 'forwarded',
      routes: (url) => [
        {
          name: 'a',
          match: { path: '/*' },
          ip: { allow: ['0.0.0.0/0', '::/0'] },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    const from = async (line: string) => (await gateway.get('/', [`X-API-Key: ${TOKEN}`, `Forwarded: ${line}`])).status;
    expect(await from('for=1.1.1.1')).toBe(200);
    expect(await from('for="1.1.1.1')).toBe(403);
    expect(await from('for=unknown')).toBe(403);
    await gateway.close();
  });
});
