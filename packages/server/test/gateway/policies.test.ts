/** Places are held exactly as long as an exchange, what was not served is given back, and a route in shadow mode refuses nothing. */
import type { Ports } from '@tessera/verify';
import { afterEach, describe, expect, it } from 'vitest';
import type { RouteConfig } from '../../src/core/compiled-route.ts';
import { memoryConcurrency } from '../../src/limits/concurrency.ts';
import { memoryQuotas } from '../../src/limits/memory-quotas.ts';
import { lines, type TestGateway, type TestOptions, TOKEN, testGateway, UNKNOWN } from './support/gateway.ts';
import { connection, hear } from './support/raw-client.ts';
import { answerWith, valuesOf } from './support/recording-upstream.ts';

const clock = { now: () => Date.now() };
const SILENT = (): void => {};
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let gateway: TestGateway;
afterEach(() => gateway.close());

async function start(route: Partial<RouteConfig>, options: TestOptions = {}): Promise<TestGateway> {
  const ports: Partial<Ports> = { concurrency: memoryConcurrency(), quotas: memoryQuotas({ clock }) };
  gateway = await testGateway({
    routes: (url) => [{ name: 'a', match: { path: '/*' }, upstream: { targets: [{ url, weight: 1 }] }, ...route }],
    ...options,
    ports: { ...ports, ...options.ports },
  });
  return gateway;
}

const REQUEST = `GET / HTTP/1.1\r\n${lines('Host: a.test', `X-API-Key: ${TOKEN}`, 'Connection: close')}`;

/** Waits until so many requests are with the upstream. */
async function underWay(count: number): Promise<void> {
  await expect.poll(() => gateway.upstream.requests.length).toBe(count);
}

describe('a limit of requests at once', () => {
  const route: Partial<RouteConfig> = { concurrency: [{ limit: 1 }] };

  it('refuses the one too many, and says when to come again', async () => {
    const { upstream, get } = await start(route);
    upstream.answer = SILENT;
    const first = hear(connection(gateway.port, REQUEST));
    await underWay(1);
    const refused = await get('/');
    expect(refused.status).toBe(429);
    expect(refused.head).toMatch(/^Retry-After: 1$/im);
    expect(refused.head).toMatch(/^RateLimit-Policy: "at-once-by-token";q=1$/im);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'rate_limited', detail: 'too many requests at once' });
    upstream.answerNow(ANSWER);
    expect((await first).text).toMatch(/^HTTP\/1.1 200/);
    upstream.answer = answerWith(ANSWER);
    expect((await get('/')).status).toBe(200);
  });

  it.each<[string, () => Promise<void>]>([
    [
      'the client goes away before the answer',
      async () => {
        gateway.upstream.answer = SILENT;
        const client = connection(gateway.port, REQUEST);
        await underWay(1);
        client.destroy();
      },
    ],
    [
      'the client goes away inside the answer',
      async () => {
        gateway.upstream.answer = answerWith('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
        const client = connection(gateway.port, REQUEST);
        await underWay(1);
        client.destroy();
      },
    ],
    [
      'the upstream breaks off',
      async () => {
        gateway.upstream.answer = (_request, socket) => socket.destroy();
        expect((await gateway.get('/')).status).toBe(502);
      },
    ],
    [
      'the answer is one that no client may have',
      async () => {
        gateway.upstream.answer = answerWith('nonsense\r\n\r\n');
        expect((await gateway.get('/')).status).toBe(502);
      },
    ],
    [
      'the body breaks off',
      async () => {
        const head = lines('Host: a.test', `X-API-Key: ${TOKEN}`, 'Content-Length: 9');
        const client = connection(gateway.port, `POST / HTTP/1.1\r\n${head}half`);
        await gateway.upstream.seen('half');
        client.destroy();
      },
    ],
  ])('is free again after: %s', async (_, exchange) => {
    await start(route);
    await exchange();
    gateway.upstream.answer = answerWith(ANSWER);
    await expect.poll(async () => (await gateway.get('/')).status).toBe(200);
  });

  it('lets exactly as many of fifty at once pass', async () => {
    const { upstream, get } = await start({ concurrency: [{ limit: 7 }] });
    upstream.answer = SILENT;
    const answers = Array.from({ length: 50 }, () => get('/'));
    await underWay(7);
    await expect.poll(() => gateway.recorded.filter(({ status }) => status === 429).length).toBe(43);
    expect(upstream.requests).toHaveLength(7);
    await gateway.close();
    await Promise.allSettled(answers);
    await start(route);
  });

  it('counts by what it says: one for the route, whoever asks', async () => {
    const { upstream, get, mint } = await start({ concurrency: [{ limit: 1, by: 'route' }] });
    upstream.answer = SILENT;
    const first = hear(connection(gateway.port, REQUEST));
    await underWay(1);
    const other = mint({ id: 'tok_2', owner: undefined });
    expect((await get('/', [`X-API-Key: ${other}`])).status).toBe(429);
    upstream.answerNow(ANSWER);
    await first;
  });

  it('is given back where a quota refuses', async () => {
    const { get } = await start({ ...route, quota: { limit: 1, period: 'day' } });
    const statuses = [];
    for (let time = 0; time < 3; time += 1) statuses.push((await get('/')).status);
    expect(statuses).toEqual([200, 429, 429]);
    expect(JSON.parse((await get('/')).body)).toMatchObject({ code: 'quota_exceeded' });
  });
});

describe('what a request cost of a quota', () => {
  const left = async (): Promise<string | undefined> =>
    /^X-RateLimit-Remaining: (\d+)$/im.exec((await gateway.get('/')).head)?.[1];
  const quotas = [{ limit: 100, period: 'day' as const }];

  it.each<[RouteConfig['refund'], string, string]>([
    ['upstream-failure', 'the upstream gives no answer', '97'],
    ['upstream-failure', 'the upstream answers 503', '94'],
    ['upstream-failure', 'the upstream answers 200', '94'],
    ['server-errors', 'the upstream gives no answer', '97'],
    ['server-errors', 'the upstream answers 503', '97'],
    ['server-errors', 'the upstream answers 200', '94'],
    ['never', 'the upstream gives no answer', '94'],
    ['never', 'the upstream answers 503', '94'],
  ])('refund: %s, and %s: %s are left after one more', async (refund, what, expected) => {
    const { upstream, get } = await start({ quotas, cost: 3, ...(refund && { refund }) });
    upstream.answer = {
      'the upstream gives no answer': (_request: string, socket: { destroy(): void }) => void socket.destroy(),
      'the upstream answers 503': answerWith('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'),
      'the upstream answers 200': answerWith(ANSWER),
    }[what] as typeof upstream.answer;
    await get('/');
    upstream.answer = answerWith(ANSWER);
    expect(await left()).toBe(expected);
  });

  it('is not given back to a client that goes away, or for half an answer', async () => {
    const { upstream } = await start({ quotas });
    upstream.answer = SILENT;
    const client = connection(gateway.port, REQUEST);
    await underWay(1);
    client.destroy();
    await expect.poll(() => gateway.recorded.length).toBe(1);
    upstream.answer = (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nhalf');
    await gateway.get('/').catch(() => undefined);
    await expect.poll(() => gateway.recorded.length).toBe(2);
    upstream.answer = answerWith(ANSWER);
    expect(await left()).toBe('97');
  });

  it('is given back where no target takes the request', async () => {
    await start({ quotas, upstream: { targets: [{ url: 'http://127.0.0.1:1', weight: 1 }], eject: { failures: 1 } } });
    const first = await gateway.get('/');
    const second = await gateway.get('/');
    expect([first.status, second.status]).toEqual([502, 503]);
    expect(await left()).toBe('99');
  });
});

describe('a policy in shadow mode', () => {
  it('passes, and the verdict tells', async () => {
    const { get } = await start({
      require: { scopes: ['orders:delete'], mode: 'shadow' },
      ip: { deny: ['127.0.0.0/8'], mode: 'shadow' },
      limits: [{ limit: 1, window: 60, mode: 'shadow' }],
      quotas: [{ limit: 1, period: 'day', mode: 'shadow' }],
      concurrency: [{ limit: 1, mode: 'shadow' }],
    });
    for (let time = 0; time < 2; time += 1) expect((await get('/')).status).toBe(200);
    const told = gateway.verdicts.map((verdict) =>
      verdict.valid ? verdict.shadowed.map(({ policy }) => policy) : verdict.code,
    );
    expect(told).toEqual([
      ['require', 'ip'],
      ['require', 'ip', 'limits', 'quotas'],
    ]);
  });
});

describe('a route in shadow mode', () => {
  const route: Partial<RouteConfig> = { mode: 'shadow', require: { scopes: ['orders:delete'] } };
  const sent = async (fields: readonly string[], path = '/') => {
    const { status } = await gateway.get(path, fields);
    const request = gateway.upstream.requests.at(-1) ?? '';
    return { status, request, code: gateway.recorded.at(-1)?.code, letThrough: gateway.lettingThrough.at(-1) };
  };

  it('lets through whoever asks, names nobody who was not shown, and records what it would have said', async () => {
    await start(route);
    const revoked = gateway.mint({ revokedAt: 1 });
    for (const [fields, code] of [
      [[], 'missing'],
      [[`X-API-Key: ${UNKNOWN}`], 'unknown'],
      [['Authorization: Bearer nonsense'], 'malformed'],
      [[`Authorization: Bearer ${revoked}`], 'revoked'],
      [[`Authorization: Bearer ${TOKEN}`, `X-API-Key: ${TOKEN}`], 'duplicate_credentials'],
    ] as const) {
      const { status, request, ...told } = await sent([...fields, 'X-Tessera-Token-Id: tok_forged']);
      expect([status, told]).toEqual([200, { code, letThrough: true }]);
      expect(request).not.toMatch(/x-tessera/i);
      for (const ours of [TOKEN, UNKNOWN, revoked]) expect(request).not.toContain(ours);
    }
  });

  it('leaves a credential that is not ours where it is', async () => {
    await start(route);
    expect(valuesOf((await sent(['Authorization: Bearer nonsense'])).request, 'authorization')).toEqual([
      'Bearer nonsense',
    ]);
    const both = await sent(['Authorization: Bearer theirs', `X-API-Key: ${UNKNOWN}`]);
    expect(valuesOf(both.request, 'authorization')).toEqual(['Bearer theirs']);
    expect(valuesOf(both.request, 'x-api-key')).toEqual([]);
    expect((await sent([], `/a?access_token=${UNKNOWN}&b=c`)).request).toMatch(/^GET \/a\?b=c HTTP/);
  });

  it('names whom the token was shown to stand for, where only what it may do is lacking', async () => {
    await start(route);
    const { status, request, code } = await sent([`X-API-Key: ${TOKEN}`]);
    expect([status, code, valuesOf(request, 'x-tessera-token-id')]).toEqual([200, 'insufficient_scope', ['tok_1']]);
    expect(request).not.toContain(TOKEN);
  });

  it('lets through where the decision cannot be made, too', async () => {
    const tokens = {
      known: () => undefined,
      imported: () => [],
      find: () => Promise.reject(new Error('the store is away')),
    };
    await start(route, { ports: { tokens } });
    const { status, request, code } = await sent([`X-API-Key: ${TOKEN}`]);
    expect([status, code]).toEqual([200, 'fault']);
    expect(request).not.toContain(TOKEN);
  });

  it('is no other route: where none takes the request, a stranger hears 401', async () => {
    await start({ ...route, match: { path: '/only' } });
    expect((await gateway.get('/else', [])).status).toBe(401);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('answers a proxy that asks with yes, and names nobody', async () => {
    await start(route, { door: 'forward-auth' });
    const asked = ['X-Forwarded-Method: GET', 'X-Forwarded-Host: a.test', 'X-Forwarded-Uri: /'];
    const stranger = await gateway.get('/forward-auth', asked);
    expect(stranger.status).toBe(200);
    expect(stranger.head).not.toMatch(/x-tessera/i);
    const known = await gateway.get('/forward-auth', [...asked, `X-API-Key: ${TOKEN}`]);
    expect(known.head).toMatch(/^X-Tessera-Token-Id: tok_1$/im);
    expect(gateway.recorded.map(({ code }) => code)).toEqual(['missing', 'insufficient_scope']);
  });
});
