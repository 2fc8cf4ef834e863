import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type BodyLimits, readBody } from '../../src/http/body.ts';
import { edgeOptions, receive } from '../../src/http/edge.ts';
import { listen } from '../../src/http/listen.ts';
import type { Handler, Listener, ListenLimits } from '../../src/http/listen-options.ts';
import { problem } from '../../src/http/problem.ts';
import { sendJson, sendProblem } from '../../src/http/send.ts';
import { answerOf, connection, exchange, hear, until } from '../gateway/support/raw-client.ts';

let listener: Listener;
const errors: unknown[] = [];
const start = async (handler: Handler, limits: Partial<ListenLimits> = {}): Promise<number> => {
  errors.length = 0;
  listener = await listen({ handler, host: '127.0.0.1', port: 0, onError: (error) => errors.push(error), limits });
  return listener.port;
};
afterEach(() => listener.close(0));

const get = (path = '/', ...fields: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n');
const close = 'Connection: close';
const ok: Handler = (_request, response) => sendJson(response, 200, { ok: true }, { requestId: 'r' });

describe('a listener', () => {
  it('answers JSON with a length, a type and an id', async () => {
    const port = await start((_request, response) =>
      sendJson(response, 201, { é: 1 }, { requestId: 'r', noStore: true, headers: { ETag: '"1"' } }),
    );
    const { head, body } = await answerOf(exchange(port, get('/', close)));
    expect(head.split('\r\n').slice(0, 7)).toEqual([
      'HTTP/1.1 201 Created',
      'Content-Type: application/json',
      'Content-Length: 8',
      'X-Content-Type-Options: nosniff',
      'X-Request-Id: r',
      'Cache-Control: no-store',
      'ETag: "1"',
    ]);
    expect(body).toBe('{"\xc3\xa9":1}');
  });

  it('turns what a handler throws, now or later, into 500 and goes on', async () => {
    const port = await start((request) => {
      if (request.url === '/now') throw new Error('secret of now');
      return request.url === '/later' ? Promise.reject(new Error('secret of later')) : undefined;
    });
    for (const path of ['/now', '/later']) {
      const { status, head, body } = await answerOf(exchange(port, get(path, close)));
      expect(status).toBe(500);
      expect(JSON.parse(body)).toMatchObject({ code: 'internal', title: 'Something went wrong on our side' });
      expect(head + body).not.toContain('secret');
    }
    expect(errors.map(String)).toEqual(['Error: secret of now', 'Error: secret of later']);
  });

  it('cuts an answer whose handler fails in the middle', async () => {
    const port = await start((_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('half');
      throw new Error('x');
    });
    const { text } = await exchange(port, get());
    expect(text).not.toContain('500');
    expect(text.endsWith('half') || text === '').toBe(true);
  });

  it('cuts slow header sections with 408', async () => {
    const port = await start(ok, { headersTimeoutMs: 200, requestTimeoutMs: 1000, checkEveryMs: 50 });
    const { status, body, head } = await answerOf(exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '));
    expect([status, JSON.parse(body).code]).toEqual([408, 'request_timeout']);
    expect(head).toContain('\r\nConnection: close');
  });

  it('cuts slow bodies with 408', async () => {
    const port = await start(
      async (request, response) => {
        const body = await readBody(request);
        if (typeof body !== 'string' && !response.destroyed) sendJson(response, 200, {}, { requestId: 'r' });
      },
      { headersTimeoutMs: 200, requestTimeoutMs: 300, checkEveryMs: 50 },
    );
    const { status } = await answerOf(exchange(port, `${get('/', 'Content-Length: 10').replace('GET', 'POST')}hello`));
    expect(status).toBe(408);
  });

  it('never writes the refusal of one request into or before the answer to another', async () => {
    const port = await start((_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('half');
    });
    const socket = connection(port, get());
    await until(socket, 'half');
    const rest = hear(socket);
    socket.write('nonsense\r\n\r\n');
    expect((await rest).text).toBe('');
    await listener.close(0);

    const waiting = Promise.withResolvers<ServerResponse>();
    const second = await start((_request, response) => waiting.resolve(response));
    const pipelined = connection(second, get());
    await waiting.promise;
    const heard = hear(pipelined);
    pipelined.write('nonsense\r\n\r\n');
    expect((await heard).text).toBe('');
  });

  it('never answers CONNECT in the place of the request before it', async () => {
    const port = await start(() => {});
    const both = `${get()}CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n`;
    expect((await exchange(port, both)).text).toBe('');
  });

  it('cuts a connection that sends more requests than may wait, and runs none of them', async () => {
    const run: string[] = [];
    const port = await start((request) => void run.push(String(request.url)), { maxPipelinedRequests: 3 });
    const begun = get('/1') + get('/2') + get('/3') + get('/4');
    expect((await exchange(port, begun + get('/5') + get('/6'))).text).toBe('');
    expect(run).toEqual(['/1']);
    await listener.close(0);

    // An expectation that nobody meets is refused in turn, and waits like any request.
    const unmet = 'GET /x HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n';
    const third = await start(() => {}, { maxPipelinedRequests: 3 });
    expect((await exchange(third, get() + unmet.repeat(4))).text).toBe('');
    await listener.close(0);

    const second = await start(ok, { maxPipelinedRequests: 3 });
    const { text } = await exchange(second, get('/1') + get('/2') + get('/3') + get('/4', close));
    expect(text.match(/HTTP\/1\.1 200/g)?.length).toBe(4);
  });

  it('runs the requests of one connection in turn', async () => {
    const log: string[] = [];
    const waiting: (() => void)[] = [];
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const port = await start((request, response) => {
      log.push(String(request.url));
      waiting.push(() => sendJson(response, 200, {}, { requestId: 'r' }));
      begun[log.length - 1]?.resolve();
    });
    const heard = exchange(port, get('/1') + get('/2', close));
    await begun[0]?.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['/1']);
    waiting[0]?.();
    await begun[1]?.promise;
    waiting[1]?.();
    await heard;
    expect(log).toEqual(['/1', '/2']);
  });

  it('does not begin what a dead connection still waited for', async () => {
    const log: string[] = [];
    const begun = Promise.withResolvers<ServerResponse>();
    const port = await start((request, response) => {
      log.push(String(request.url));
      begun.resolve(response);
    });
    const socket = connection(port, get('/1') + get('/2'));
    const response = await begun.promise;
    const closed = once(response, 'close');
    socket.destroy();
    await closed;
    await listener.close(0);
    expect(log).toEqual(['/1']);
  });

  it('ends without losing a request: what runs is answered with Connection: close, what is idle is closed', async () => {
    const waiting = Promise.withResolvers<ServerResponse>();
    const port = await start((_request, response) => waiting.resolve(response));
    const idle = hear(connection(port, ''));
    const running = exchange(port, get());
    const response = await waiting.promise;
    const over = listener.close(10_000);
    await idle;
    await expect(exchange(port, get())).resolves.toEqual({ text: '', end: 'reset' });
    sendJson(response, 200, { ok: 1 }, { requestId: 'r' });
    const { text, end } = await running;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toContain('\r\nConnection: close\r\n');
    expect([text.endsWith('{"ok":1}'), end]).toEqual([true, 'clean']);
    await over;
  });

  it('still answers the first request of a connection that was made before', async () => {
    const port = await start(ok);
    const early = connection(port, '');
    const heard = hear(early);
    await exchange(port, get('/', close));
    const over = listener.close(10_000);
    early.write(get());
    const { text, end } = await heard;
    expect(text).toContain('\r\nConnection: close\r\n');
    expect([text.endsWith('{"ok":true}'), end]).toEqual([true, 'clean']);
    await over;
  });

  it('cuts what still runs when the grace is over', async () => {
    const begun = Promise.withResolvers<void>();
    const port = await start(() => begun.resolve());
    const heard = exchange(port, get());
    await begun.promise;
    await listener.close(50);
    expect((await heard).text).toBe('');
  });

  it('rejects where the port is taken', async () => {
    const port = await start(ok);
    await expect(listen({ handler: ok, host: '127.0.0.1', port, onError: () => {} })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('drops the rest of a refused body, within bounds, and serves the next request', async () => {
    const port = await start((_request, response) => sendProblem(response, problem('forbidden'), { requestId: 'r' }));
    const body = 'x'.repeat(500_000);
    const post = `${get('/', `Content-Length: ${body.length}`).replace('GET', 'POST')}${body}`;
    const { text } = await exchange(port, post + get('/', close));
    expect(text.match(/HTTP\/1\.1 403/g)).toHaveLength(2);
    const endless = connection(port, get('/', 'Transfer-Encoding: chunked').replace('GET', 'POST'));
    const heard = hear(endless);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const pour = (): void => {
      while (!endless.destroyed && endless.write(chunk));
    };
    endless.on('drain', pour);
    pour();
    expect((await heard).end).toBe('reset');
    expect(endless.bytesWritten).toBeLessThan(64 * 1_048_576);
  });
});

describe('a body', () => {
  const reader =
    (limits: BodyLimits): Handler =>
    async (request, response) => {
      const body = await readBody(request, limits);
      if (typeof body === 'string') sendProblem(response, problem(body), { requestId: 'r' });
      else sendJson(response, 200, { bytes: body.length }, { requestId: 'r' });
    };
  const post = (body: string, ...fields: readonly string[]) => get('/', ...fields).replace('GET', 'POST') + body;

  it('is read whole, in one piece or many, with or without a length', async () => {
    const port = await start(reader({ maxBytes: 10 }));
    const bytes = async (text: string) => JSON.parse((await answerOf(exchange(port, text))).body).bytes;
    expect(await bytes(get('/', close))).toBe(0);
    expect(await bytes(post('hello', 'Content-Length: 5', close))).toBe(5);
    expect(await bytes(post('helloworld', 'Content-Length: 10', close))).toBe(10);
    expect(await bytes(post('5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n', 'Transfer-Encoding: chunked', close))).toBe(8);
  });

  it('is refused with 413 and the connection closed over its bound, declared or not', async () => {
    const port = await start(reader({ maxBytes: 10 }));
    const texts = [
      post('', 'Content-Length: 11'),
      post('b\r\nhello world\r\n0\r\n\r\n', 'Transfer-Encoding: chunked'),
      post('6\r\nhello \r\n5\r\nworld\r\n', 'Transfer-Encoding: chunked'),
    ];
    for (const text of texts) {
      const { status, head, body } = await answerOf(exchange(port, text));
      expect([status, JSON.parse(body).code]).toEqual([413, 'too_large']);
      expect(head).toContain('\r\nConnection: close');
    }
  });

  it('is refused with 408 where the sender falls silent', async () => {
    const port = await start(reader({ timeoutMs: 100 }));
    const { status, head } = await answerOf(exchange(port, post('hello', 'Content-Length: 10')));
    expect(status).toBe(408);
    expect(head).toContain('\r\nConnection: close');
  });

  it('is refused with 408 where it comes a byte at a time, for longer than it may take', async () => {
    const port = await start(reader({ timeoutMs: 200 }));
    const socket = connection(port, post('h', 'Content-Length: 1000'));
    const drip = setInterval(() => socket.write('x'), 20);
    const { status, head } = await answerOf(hear(socket));
    clearInterval(drip);
    expect(status).toBe(408);
    expect(head).toContain('\r\nConnection: close');
  });

  it('ends as invalid_request where the sender goes away', async () => {
    const outcome = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    const port = await start(async (request) => {
      begun.resolve();
      outcome.resolve(await readBody(request));
    });
    const socket = connection(port, post('hello', 'Content-Length: 10'));
    await begun.promise;
    socket.destroy();
    expect(await outcome.promise).toBe('invalid_request');
  });
});

describe('a request id', () => {
  const ids = async (...fields: readonly string[]) => {
    const port = await start((request, response) => {
      const incoming = receive(request, edgeOptions());
      if ('problem' in incoming) sendProblem(response, incoming.problem, incoming);
      else sendJson(response, 200, {}, incoming);
    });
    const { head } = await answerOf(exchange(port, get('/', ...fields, close)));
    await listener.close(0);
    return /X-Request-Id: (.*)\r\n/.exec(head)?.[1];
  };

  it('is the caller’s own where it is harmless, else a new one', async () => {
    expect(await ids('X-Request-Id: a.B-9_')).toBe('a.B-9_');
    expect(await ids(`X-Request-Id: ${'a'.repeat(128)}`)).toBe('a'.repeat(128));
    const made = /^[0-9a-f]{16}-[0-9a-z]+$/;
    for (const bad of [
      `X-Request-Id: ${'a'.repeat(129)}`,
      'X-Request-Id: a b',
      'X-Request-Id: {"a":1}',
      'X-Request-Id:',
      'X_Request_Id: a',
    ])
      expect(await ids(bad)).toMatch(made);
    expect(await ids('X-Request-Id: a', 'X-Request-Id: b')).toMatch(made);
    expect(await ids()).not.toBe(await ids());
  });
});
