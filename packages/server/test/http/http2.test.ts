import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { edgeOptions, receive } from '../../src/http/edge.ts';
import type { Handler } from '../../src/http/listen-options.ts';
import { problem } from '../../src/http/problem.ts';
import { sendJson, sendProblem } from '../../src/http/send.ts';
import { data, headers, rawHttp2, rstStream } from './support/raw-http2.ts';
import { ask, NAME, type TestTls, type TestTlsOptions, tlsListener } from './support/tls-listener.ts';

const post = { ':method': 'POST', ':scheme': 'https', ':path': '/', ':authority': NAME };

let server: TestTls;
const start = async (handler: Handler, more: Partial<TestTlsOptions> = {}): Promise<TestTls> => {
  server = await tlsListener({ handler, ...more });
  return server;
};
afterEach(() => server.close());

const ok: Handler = (_request, response) => sendJson(response, 200, { ok: true }, { requestId: 'r' });

/** Shows what the edge makes of a request. */
const mirror: Handler = async (request, response) => {
  const incoming = receive(request, edgeOptions());
  if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
  const body = await readBody(request);
  const { method, path, query, host, fields, bodyBytes, origin } = incoming;
  const seen = { method, path, query, host, fields, bodyBytes: bodyBytes ?? 'chunked', scheme: origin.scheme };
  sendJson(response, 200, { ...seen, body: String(body) }, incoming);
};

describe('HTTP/2', () => {
  it('is spoken with clients that know it, and HTTP/1.1 with all others', async () => {
    await start(ok);
    const agreed = async (protocols: string[] | undefined) =>
      (await server.secure(protocols === undefined ? {} : { ALPNProtocols: protocols })).alpnProtocol;
    expect(await agreed(['h2', 'http/1.1'])).toBe('h2');
    expect(await agreed(['http/1.1'])).toBe('http/1.1');
    expect(await agreed(undefined)).toBe(false);
    await expect(agreed(['ftp'])).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
    expect(server.refused).toEqual(['protocol']);
  });

  it('says a request in the words of HTTP/1.1: one Host, one Cookie, and a body of which the length is told or not', async () => {
    await start(mirror);
    const session = server.session();
    const seen = async (...asked: Parameters<typeof ask> extends [unknown, ...infer Rest] ? Rest : never) =>
      JSON.parse((await ask(session, ...asked)).body) as Record<string, unknown>;
    expect(await seen({ ':path': '/a/b?c=d', cookie: ['a=1', 'b=2'], 'x-a': 'b' })).toEqual({
      method: 'GET',
      path: '/a/b',
      query: 'c=d',
      host: NAME,
      fields: ['x-a', 'b', 'cookie', 'a=1; b=2'],
      // A frame without END_STREAM says that there may be a body.
      bodyBytes: 'chunked',
      scheme: 'https',
      body: '',
    });
    const post = { ':path': '/', ':method': 'POST' };
    expect(await seen(post, (stream) => stream.end('hello'))).toMatchObject({ bodyBytes: 'chunked', body: 'hello' });
    expect(await seen({ ...post, 'content-length': 5 }, (stream) => stream.end('hello'))).toMatchObject({
      bodyBytes: 5,
      body: 'hello',
    });
    const stream = session.request({ ':path': '/' }, { endStream: true });
    stream.setEncoding('utf8');
    const [text] = (await once(stream, 'data')) as [string];
    expect(JSON.parse(text)).toMatchObject({ bodyBytes: 0, body: '' });
  });

  it('refuses what two readers could take for two requests', async () => {
    await start(mirror);
    const status = async (headers: Parameters<typeof ask>[1]) => {
      const { status: answered, code } = await ask(server.session(), headers);
      return answered || `reset ${code}`;
    };
    expect(await status({ ':path': '/', ':authority': NAME, host: 'other.test' })).toBe(400);
    expect(await status({ ':path': '/', ':authority': NAME, host: NAME })).toBe(200);
    expect(await status({ ':path': '/', ':scheme': 'http' })).toBe(400);
    expect(await status({ ':path': '/a/../b' })).toBe(400);
    expect(await status({ ':path': '/a%2fb' })).toBe(400);
    expect(await status({ ':path': `https://${NAME}:${server.port}/` })).toMatch(/^reset|400/);
    expect(await status({ ':path': '/', ':method': 'TRACE' })).toBe(405);
    expect(await status({ ':path': '/', ':method': 'M-SEARCH' })).toBe(200);
    // HTTP/1.1 knows none of these, and servers that write a method in capitals take them for another.
    for (const method of ['delete', 'Delete', 'trace', 'connect', "DEL'ETE", 'D'.repeat(33)])
      expect(await status({ ':path': '/', ':method': method }), method).toBe(400);
    expect(await status({ ':path': '/', expect: 'the-impossible' })).toBe(417);
    expect(await status({ ':path': '/', 'content-length': '05' })).toMatch(/^reset|400/);
    const connect = await ask(server.session(), { ':method': 'CONNECT', ':authority': 'x.test:443' });
    expect(connect.status).toBe(405);
    expect(server.errors).toEqual([]);
  });

  it('asks for the body with 100 only when somebody reads it', async () => {
    await start(async (request, response) => {
      if (request.url === '/no') return sendProblem(response, problem('forbidden'), { requestId: 'r' });
      sendJson(response, 200, { body: String(await readBody(request)) }, { requestId: 'r' });
    });
    const session = server.session();
    const asked = async (path: string) => {
      let continued = false;
      const { status } = await ask(session, { ':path': path, ':method': 'POST', expect: '100-continue' }, (stream) => {
        stream.on('continue', () => {
          continued = true;
          stream.end('hello');
        });
        stream.on('response', () => stream.end());
      });
      return { status, continued };
    };
    expect(await asked('/yes')).toEqual({ status: 200, continued: true });
    expect(await asked('/no')).toEqual({ status: 403, continued: false });
  });

  it('leaves out what belongs to a connection, and passes fields that were sent twice', async () => {
    await start((_request, response) => {
      const fields = ['Connection', 'close', 'Keep-Alive', 'timeout=5', 'Transfer-Encoding', 'chunked'];
      response.writeHead(200, [...fields, 'Set-Cookie', 'a', 'Set-Cookie', 'b', 'X-Latin', 'caf\xe9']);
      response.end();
    });
    const { status, headers } = await ask(server.session(), { ':path': '/' });
    expect(status).toBe(200);
    expect(headers['set-cookie']).toEqual(['a', 'b']);
    expect(headers['x-latin']).toBe('caf\xe9');
    for (const name of ['connection', 'keep-alive', 'transfer-encoding']) expect(headers).not.toHaveProperty(name);
  });

  it('sends no body where there is none, whatever a handler writes', async () => {
    await start((request, response) => {
      response.writeHead(request.url === '/304' ? 304 : 200, ['Content-Length', '4']);
      response.end('body');
    });
    const session = server.session();
    const head = await ask(session, { ':path': '/', ':method': 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body, head.code]).toEqual([200, '4', '', 0]);
    const unchanged = await ask(session, { ':path': '/304' });
    expect([unchanged.status, unchanged.body, unchanged.code]).toEqual([304, '', 0]);
  });

  it('turns what a handler throws into 500, and resets the stream where the answer has begun', async () => {
    await start((request, response) => {
      if (request.url === '/') throw new Error('secret');
      response.writeHead(200);
      response.write('half');
      throw new Error('secret');
    });
    const session = server.session();
    const whole = await ask(session, { ':path': '/' });
    expect([whole.status, JSON.parse(whole.body).code, whole.code]).toEqual([500, 'internal', 0]);
    const half = await ask(session, { ':path': '/half' });
    expect(half.code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    // The session goes on: only the one stream is cut.
    expect((await ask(session, { ':path': '/' })).status).toBe(500);
  });

  it.each([
    ['no error', constants.NGHTTP2_NO_ERROR],
    ['cancel', constants.NGHTTP2_CANCEL],
  ])('never takes a body that was broken off with the code for %s for a whole one', async (_name, code) => {
    const ended = Promise.withResolvers<[boolean, string]>();
    const begun = Promise.withResolvers<void>();
    await start(async (request) => {
      begun.resolve();
      const body = await readBody(request);
      ended.resolve([request.complete, String(body)]);
    });
    const raw = await rawHttp2(server);
    raw.send(headers(1, post), data(1, 'half'));
    await begun.promise;
    raw.send(rstStream(1, code));
    expect(await ended.promise).toEqual([false, 'invalid_request']);
    raw.socket.destroy();
  });

  it('never takes a body for whole where the connection died', async () => {
    const ended = Promise.withResolvers<[boolean, string]>();
    const begun = Promise.withResolvers<void>();
    await start(async (request) => {
      begun.resolve();
      const body = await readBody(request);
      ended.resolve([request.complete, String(body)]);
    });
    const raw = await rawHttp2(server);
    raw.send(headers(1, post), data(1, 'half'));
    await begun.promise;
    raw.socket.destroy();
    expect(await ended.promise).toEqual([false, 'invalid_request']);
  });

  it('is read no faster than it is taken', async () => {
    let response: ServerResponse | undefined;
    await start((_request, answer) => {
      response = answer;
      answer.writeHead(200);
      const pour = (): void => {
        while (!answer.destroyed && answer.write(Buffer.alloc(65_536)));
      };
      answer.on('drain', pour);
      pour();
    });
    const stream = server.session().request({ ':path': '/' });
    stream.on('error', () => {});
    await once(stream, 'response');
    stream.pause();
    await expect.poll(() => response?.writableNeedDrain).toBe(true);
    expect(response?.writableLength).toBeLessThan(200_000);
    // What is taken is followed by more.
    let taken = 0;
    await new Promise<unknown>((resolve) =>
      stream
        .on('data', (chunk: Uint8Array) => {
          taken += chunk.length;
          if (taken > 5_000_000) resolve(taken);
        })
        .resume(),
    );
    stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => response?.destroyed).toBe(true);
  });

  it('stops reading a body that nobody takes', async () => {
    const begun = Promise.withResolvers<void>();
    await start(() => begun.resolve());
    const stream = server.session().request({ ':path': '/', ':method': 'POST' }, { endStream: false });
    stream.on('error', () => {});
    await begun.promise;
    let sent = 0;
    const pour = (): void => {
      for (let more = true; more; sent += 16_384) more = stream.write(Buffer.alloc(16_384));
    };
    stream.on('drain', pour);
    pour();
    // The window of the stream is 64 KiB; beyond it nothing leaves the client.
    await expect.poll(() => sent).toBeGreaterThan(65_535);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sent).toBeLessThan(200_000);
    stream.close();
  });

  it('ends without losing a request: what runs is answered, then the session closes', async () => {
    const waiting = Promise.withResolvers<ServerResponse>();
    await start((_request, response) => waiting.resolve(response));
    const session = server.session();
    const running = ask(session, { ':path': '/' });
    const idle = server.session();
    await once(idle, 'connect');
    const response = await waiting.promise;
    const told = once(session, 'goaway');
    const over = server.listener.close(10_000);
    await told;
    sendJson(response, 200, { ok: 1 }, { requestId: 'r' });
    const { status, body, code } = await running;
    expect([status, body, code]).toEqual([200, '{"ok":1}', 0]);
    await over;
    expect(idle.closed || idle.destroyed).toBe(true);
  });
});
