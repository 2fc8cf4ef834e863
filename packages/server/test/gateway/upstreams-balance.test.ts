/** Shares are exact, slow targets get less, and no target gets more than it may have. */
import { afterEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { connection, until } from './support/raw-client.ts';
import { OK, recordingUpstream } from './support/recording-upstream.ts';
import { bench, given, isTarget, tally, targets, turns } from './support/upstream-of.ts';
import { accepting, handshake } from './support/websocket.ts';

describe('round robin', () => {
  it('takes turns by weight, spread as evenly as can be', () => {
    const upstream = bench().configure({ targets: targets('ab', { a: { weight: 3 } }) });
    expect(turns(upstream, 8)).toBe('aabaaaba');
  });

  it.each([
    [
      { a: { weight: 5 }, b: { weight: 3 }, c: { weight: 2 } },
      { a: 500, b: 300, c: 200 },
    ],
    [{ a: { weight: 1000 } }, { a: 998, b: 1, c: 1 }],
    [{}, { a: 334, b: 333, c: 333 }],
  ])('shares 1000 requests out exactly: %j', (weights, shares) => {
    expect(tally(turns(bench().configure({ targets: targets('abc', weights) }), 1000))).toEqual(shares);
  });

  it('goes on where it was after a reload', () => {
    const on = bench();
    expect(turns(on.configure({ targets: targets('abc') }), 1)).toBe('a');
    expect(turns(on.configure({ targets: targets('abc'), retries: 0 }), 2)).toBe('bc');
  });
});

describe('least pending', () => {
  it('gives to the target with the fewest requests for its weight, by turns where several have', () => {
    const upstream = bench().configure({ balance: 'least-pending', targets: targets('abc', { c: { weight: 2 } }) });
    const taken = Array.from({ length: 8 }, () => given(upstream));
    expect(tally(taken.map(({ url }) => url.slice(7, 8)).join(''))).toEqual({ a: 2, b: 2, c: 4 });
    for (const target of taken) if (target.url.includes('//b')) target.settle('good', target.term, 200);
    expect([given(upstream).url, given(upstream).url]).toEqual(['http://b.invalid', 'http://b.invalid']);
  });

  it('leaves a target alone that is slow', async () => {
    const [slow, fast] = [await recordingUpstream(), await recordingUpstream()];
    slow.answer = () => {};
    const gateway = await testGateway({
      routes: () => [
        {
          name: 'all',
          match: { path: '/*' },
          upstream: { balance: 'least-pending', targets: [{ url: slow.origin }, { url: fast.origin }] },
        },
      ],
    });
    const first = gateway.get('/slow');
    await slow.seen('GET /slow');
    for (let at = 0; at < 20; at += 1) expect((await gateway.get(`/${at}`)).status).toBe(200);
    expect([slow.requests.length, fast.requests.length]).toEqual([1, 20]);
    slow.answerNow('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect((await first).status).toBe(200);
    await Promise.all([gateway.close(), slow.close(), fast.close()]);
  });
});

describe('the requests that a target may have at a time', () => {
  let gateway: TestGateway | undefined;
  afterEach(() => gateway?.close());

  it('are never more: the others take them, and then nobody', () => {
    const upstream = bench().configure({
      targets: targets('ab', { a: { maxConcurrent: 2 }, b: { maxConcurrent: 1 } }),
    });
    const [first] = [given(upstream), given(upstream), given(upstream)];
    expect(upstream.pick()).toEqual({ none: 'busy', retryAfterSeconds: 1 });
    first?.settle('none', first.term);
    const next = upstream.pick();
    expect(isTarget(next) && next.url).toBe(first?.url);
  });

  it('bound a route: 503 and when to come again, without waiting, until one has ended', async () => {
    gateway = await testGateway({
      routes: (url) => [
        { name: 'one', match: { path: '/*' }, upstream: { targets: [{ url, maxConcurrent: 1 }] } },
        { name: 'two', match: { path: '/two' }, upstream: { targets: [{ url }] } },
      ],
    });
    const ok = gateway.upstream.answer;
    gateway.upstream.answer = () => {};
    const first = gateway.get('/first');
    await gateway.upstream.seen('GET /first');
    const { status, head, body } = await gateway.get('/second');
    expect([status, JSON.parse(body)]).toEqual([
      503,
      expect.objectContaining({
        code: 'upstream_busy',
        title: 'The upstream has as many requests as it may have',
      }),
    ]);
    expect(head).toContain('\r\nRetry-After: 1\r\n');
    expect(gateway.upstream.requests).toHaveLength(1);
    gateway.upstream.answerNow('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect((await first).status).toBe(200);
    gateway.upstream.answer = ok;
    expect((await gateway.get('/third')).status).toBe(200);
    // Another route to the same place has a bound of its own.
    expect((await gateway.get('/two')).status).toBe(200);
    expect(gateway.recorded.map(({ route, status }) => [route, status])).toEqual([
      ['one', 503],
      ['one', 200],
      ['one', 200],
      ['two', 200],
    ]);
  });

  it('count a WebSocket until it ends', async () => {
    gateway = await testGateway({
      routes: (url) => [{ name: 'one', match: { path: '/*' }, upstream: { targets: [{ url, maxConcurrent: 1 }] } }],
    });
    gateway.upstream.answer = accepting();
    const socket = connection(gateway.port, handshake([`Authorization: Bearer ${TOKEN}`]));
    await until(socket, '\r\n\r\n');
    expect((await gateway.get('/')).status).toBe(503);
    socket.destroy();
    gateway.upstream.answer = OK;
    await expect.poll(async () => (await gateway?.get('/'))?.status).toBe(200);
  });

  it('are given back by an upstream that breaks and by a client that goes away', async () => {
    gateway = await testGateway({
      routes: (url) => [{ name: 'one', match: { path: '/*' }, upstream: { targets: [{ url, maxConcurrent: 1 }] } }],
    });
    const ok = gateway.upstream.answer;
    gateway.upstream.answer = (_request, socket) => void socket.destroy();
    expect((await gateway.get('/broken')).status).toBe(502);
    gateway.upstream.answer = () => {};
    const socket = connection(
      gateway.port,
      `GET /left HTTP/1.1\r\n${lines('Host: a.test', `Authorization: Bearer ${TOKEN}`)}`,
    );
    await gateway.upstream.seen('GET /left');
    socket.destroy();
    gateway.upstream.answer = ok;
    await expect.poll(async () => (await gateway?.get('/next'))?.status).toBe(200);
  });
});
