/** A request is offered to another target only where nothing of it was sent, and never sent twice. */
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '../../src/core/compiled-upstream.ts';
import { Tries } from '../../src/gateway/upstreams/tries.ts';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { OK, type RecordingUpstream, recordingUpstream } from './support/recording-upstream.ts';
import { refusing, unanswered } from './support/unreachable.ts';
import { bench, given, targets } from './support/upstream-of.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function started(): Promise<RecordingUpstream> {
  const upstream = await recordingUpstream();
  ends.push(() => upstream.close());
  return upstream;
}

/** A gateway whose one route goes to these origins, by turns and without ejection. */
async function gatewayTo(origins: readonly string[], more: Partial<UpstreamConfig> = {}) {
  const retried: string[] = [];
  const gateway = await testGateway({
    routes: () => [
      {
        name: 'all',
        match: { path: '/*' },
        upstream: { targets: origins.map((url) => ({ url })), eject: false, ...more },
      },
    ],
    upstreamOptions: { meter: (name) => ({ request() {}, retried: () => void retried.push(name), ejected() {} }) },
  });
  ends.push(() => gateway.close());
  return Object.assign(gateway, { retried });
}

const send = (gateway: TestGateway, method: string, body = '') =>
  gateway.raw(
    `${method} /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, `Content-Length: ${body.length}`, 'Connection: close')}${body}`,
  );

describe('where a target cannot be reached', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('%s goes to another one, whole and once', async (method) => {
    const alive = await started();
    const gateway = await gatewayTo([await refusing(), alive.origin]);
    const body = method === 'PUT' || method === 'DELETE' ? 'the body' : '';
    for (const _ of [1, 2, 3, 4]) expect((await send(gateway, method, body)).status).toBe(200);
    expect(alive.requests).toHaveLength(4);
    for (const request of alive.requests) expect(request.endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(gateway.upstreamFaults).toHaveLength(2);
    expect(gateway.retried).toEqual(['all', 'all']);
    expect(gateway.recorded.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('a body of unknown length goes to another one, every byte of it', async () => {
    const alive = await started();
    const gateway = await gatewayTo([await refusing(), alive.origin]);
    const fields = lines('Host: a.test', AUTH, 'Transfer-Encoding: chunked', 'Connection: close');
    const chunk = `${(60_000).toString(16)}\r\n${'x'.repeat(60_000)}\r\n`;
    const { status } = await gateway.raw(`PUT /x HTTP/1.1\r\n${fields}${chunk.repeat(4)}0\r\n\r\n`);
    expect(status).toBe(200);
    // The head holds names made at random; chunk sizes are hexadecimal, without an "x".
    const [, body = ''] = alive.bytes().split('\r\n\r\n', 2);
    expect(body.split('x').length - 1).toBe(240_000);
  });

  it.each(['POST', 'PATCH', 'MKCOL'])('%s is not offered again', async (method) => {
    const alive = await started();
    const gateway = await gatewayTo([await refusing(), alive.origin]);
    const statuses = [(await send(gateway, method, 'a')).status, (await send(gateway, method, 'b')).status];
    expect(statuses).toEqual([502, 200]);
    expect(alive.requests).toHaveLength(1);
    expect(gateway.retried).toEqual([]);
  });

  it('as many others are tried as configured, each once', async () => {
    const alive = await started();
    const origins = [await refusing(), await refusing(), alive.origin];
    const one = await gatewayTo(origins, { retries: 1 });
    expect((await one.get('/')).status).toBe(502);
    expect(one.upstreamFaults).toHaveLength(2);
    const two = await gatewayTo(origins, { retries: 2 });
    expect((await two.get('/')).status).toBe(200);
    const none = await gatewayTo(origins, { retries: 0 });
    expect((await none.get('/')).status).toBe(502);
    expect(none.upstreamFaults).toHaveLength(1);
    const nobody = await gatewayTo(origins.slice(0, 2), { retries: 10 });
    expect((await nobody.get('/')).status).toBe(502);
    expect(nobody.upstreamFaults).toHaveLength(2);
  });

  it('a connection that nobody accepts is given up in time, and the next target answers', async () => {
    const silent = await unanswered();
    ends.push(silent.end);
    const alive = await started();
    const gateway = await gatewayTo([silent.origin, alive.origin], { timeouts: { connect: 0.3 } });
    expect((await gateway.get('/')).status).toBe(200);
    expect(gateway.upstreamFaults.map((error) => 'code' in error && error.code)).toEqual(['UND_ERR_CONNECT_TIMEOUT']);
    const alone = await gatewayTo([silent.origin], { timeouts: { connect: 0.3 } });
    const { status, body } = await alone.get('/');
    expect([status, JSON.parse(body).code]).toEqual([504, 'upstream_timeout']);
  });

  it('a TLS handshake that nobody answers is given up in time', async () => {
    const mute = createTcpServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    ends.push(() => mute.close());
    const address = mute.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const alive = await started();
    const gateway = await gatewayTo([`https://127.0.0.1:${port}`, alive.origin], { timeouts: { connect: 0.3 } });
    expect((await gateway.get('/')).status).toBe(200);
    expect(gateway.upstreamFaults.map((error) => 'code' in error && error.code)).toEqual(['UND_ERR_CONNECT_TIMEOUT']);
  });
});

describe('where anything was sent', () => {
  const faults: readonly (readonly [string, string])[] = [
    ['at byte 0', ''],
    ['inside the status line', 'HTTP/1.1 20'],
    ['inside the header section', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-A'],
    ['after an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ];
  it.each(faults.flatMap(([place, bytes]) => ['GET', 'POST'].map((method) => [method, place, bytes] as const)))(
    'a %s that is reset %s is a 502, and reaches nobody else',
    async (method, _place, bytes) => {
      const [broken, alive] = [await started(), await started()];
      broken.answer = (_request, socket) => {
        if (bytes === '') socket.resetAndDestroy();
        else socket.write(bytes, 'latin1', () => socket.resetAndDestroy());
      };
      const gateway = await gatewayTo([broken.origin, alive.origin], { retries: 10 });
      const { status, body, end } = await send(gateway, method, method === 'POST' ? 'hello' : '');
      expect([status, JSON.parse(body).code, end]).toEqual([502, 'upstream_failed', 'clean']);
      expect([broken.requests.length, alive.requests.length]).toEqual([1, 0]);
      expect(gateway.retried).toEqual([]);
    },
  );

  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ])('an answer %s that is reset inside its body never ends cleanly, and nobody else is asked', async (_name, half) => {
    const [broken, alive] = [await started(), await started()];
    broken.answer = (_request, socket) => void socket.write(half, () => socket.resetAndDestroy());
    const gateway = await gatewayTo([broken.origin, alive.origin], { retries: 10 });
    const { end } = await gateway.get('/');
    expect(end).toBe('reset');
    expect([broken.requests.length, alive.requests.length]).toEqual([1, 0]);
    await expect.poll(() => gateway.recorded.map(({ status }) => status)).toEqual([502]);
  });

  it('a kept connection that ends with the request on it is a 502, even for a GET', async () => {
    const [first, second] = [await started(), await started()];
    const gateway = await gatewayTo([first.origin, second.origin]);
    for (const _ of [1, 2]) expect((await gateway.get('/')).status).toBe(200);
    first.answer = (_request, socket) => void socket.destroy();
    expect((await gateway.get('/')).status).toBe(502);
    expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
  });

  it('a silent target is a 504, and reaches nobody else', async () => {
    const [silent, alive] = [await started(), await started()];
    silent.answer = () => {};
    const gateway = await gatewayTo([silent.origin, alive.origin], { timeouts: { response: 0.3 } });
    expect((await gateway.get('/')).status).toBe(504);
    expect(alive.requests).toHaveLength(0);
  });

  it('silence inside an answer is bounded', async () => {
    const half = await started();
    half.answer = (_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
    const gateway = await gatewayTo([half.origin], { timeouts: { idle: 0.3 } });
    expect((await gateway.get('/')).end).toBe('reset');
    await half.disconnected;
  });
});

it('a try of which something was sent has no next one, whoever asks', () => {
  const upstream = bench().configure({ targets: targets('ab'), retries: 1 });
  const unsent = new Tries(upstream, given(upstream));
  expect(unsent.failed(new Error('no connection'))).toBe('unreachable');
  expect(unsent.next('GET')?.url).toBe('http://b.invalid');
  const sent = new Tries(upstream, given(upstream));
  sent.sending();
  expect(sent.failed(new Error('reset'))).toBe('failed');
  expect(sent.next('GET')).toBeUndefined();
});

it('a request that our own client refuses says nothing about a target, and goes to no other', () => {
  const on = bench();
  const upstream = on.configure({ targets: targets('ab'), eject: { failures: 1 } });
  const tries = new Tries(upstream, given(upstream));
  const refusal = Object.assign(new Error('invalid'), { code: 'UND_ERR_INVALID_ARG' });
  expect(tries.failed(refusal)).toBe('none');
  expect(on.changes).toEqual([]);
});

describe('a kept connection that has ended before', () => {
  it('costs no request: a new one is made', async () => {
    const upstream = await started();
    let closed: Promise<unknown> = Promise.resolve();
    upstream.answer = (_request, socket) => {
      OK('', socket);
      closed = once(socket, 'close');
      setImmediate(() => socket.end());
    };
    const gateway = await gatewayTo([upstream.origin]);
    for (const _ of [1, 2, 3]) {
      expect((await send(gateway, 'POST', 'a')).status).toBe(200);
      await closed;
    }
    expect(upstream.requests).toHaveLength(3);
  });
});
