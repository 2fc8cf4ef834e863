/** What comes over HTTP/2 reaches an upstream as HTTP/1.1 would have: whole, framed by us, and never half for whole. */
import { createServer } from 'node:http';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import { data, END_STREAM, headers, type RawHttp2, rawHttp2, rstStream } from '../http/support/raw-http2.ts';
import { ask } from '../http/support/tls-listener.ts';
import { type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { valuesOf } from './support/recording-upstream.ts';

const NAME = 'a.test';
const authority = certificates();
const own = authority.server([NAME]);
afterAll(authority.remove);

let gateway: TestGateway;
let session: ClientHttp2Session;
/** A second upstream, for what the recording one would keep: it reads slowly, and answers how much it was. */
const sink = createServer((request, response) => {
  let received = 0;
  request.on('data', (part: Buffer) => {
    received += part.length;
    request.pause();
    setImmediate(() => request.resume());
  });
  request.on('end', () => response.end(String(received)));
});
beforeAll(() => new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  sink.closeAllConnections();
  sink.close();
});

beforeEach(async () => {
  gateway = await testGateway({
    routes: (upstream) => [
      {
        name: 'sink',
        match: { path: '/sink' },
        upstream: { targets: [{ url: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`, weight: 1 }] },
      },
      { name: 'all', match: { path: '/*' }, upstream: { targets: [{ url: upstream, weight: 1 }] } },
    ],
    listening: {
      tls: {
        context: { cert: own.certificatePem, key: own.keyPem },
        clientCertificates: 'off',
        onRefused: () => {},
      },
    },
  });
  session = connect(`https://127.0.0.1:${gateway.port}`, { servername: NAME, ca: authority.certificatePem });
  session.on('error', () => {});
});
afterEach(async () => {
  session.destroy();
  await gateway.close();
});

const AUTH = { authorization: `Bearer ${TOKEN}` };
const GET = { ':path': '/x?y', ':authority': NAME, ...AUTH };
const POST = { ...GET, ':method': 'POST' };

const raw = (): Promise<RawHttp2> =>
  rawHttp2({
    secure: (options) =>
      new Promise((resolve) => {
        const socket = connectTls(
          { port: gateway.port, host: '127.0.0.1', servername: NAME, ca: authority.certificatePem, ...options },
          () => resolve(socket),
        );
      }),
  });

describe('a request over HTTP/2', () => {
  it('reaches the upstream as one of HTTP/1.1, with nothing of its frames', async () => {
    const { status, body } = await ask(session, {
      ...GET,
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
      'x-tessera-owner': 'evil',
    });
    expect([status, body]).toEqual([200, 'hello']);
    const [request = ''] = gateway.upstream.requests;
    expect(request).toMatch(/^GET \/x\?y HTTP\/1\.1\r\n/);
    expect(valuesOf(request, 'host')).toEqual([gateway.upstream.authority]);
    expect(valuesOf(request, 'x-forwarded-host')).toEqual([NAME]);
    expect(valuesOf(request, 'x-forwarded-proto')).toEqual(['https']);
    expect(valuesOf(request, 'cookie')).toEqual(['a=1; b=2']);
    expect(request).not.toMatch(/evil|\r\nte:|\r\n:|http2/i);
    expect(gateway.recorded).toMatchObject([{ code: 'ok', status: 200 }]);
  });

  it('has its body framed by us: with its length where that is told, else in chunks', async () => {
    await ask(session, { ...POST, 'content-length': '5' }, (stream) => stream.end('hello'));
    await ask(session, POST, (stream) => stream.end('hello'));
    const [told = '', untold = ''] = gateway.upstream.requests;
    expect(valuesOf(told, 'content-length')).toEqual(['5']);
    expect(told.endsWith('\r\n\r\nhello')).toBe(true);
    expect(valuesOf(untold, 'transfer-encoding')).toEqual(['chunked']);
    expect(untold.endsWith('\r\n\r\n5\r\nhello\r\n0\r\n\r\n')).toBe(true);
  });

  it('is refused as over HTTP/1.1, and goes nowhere', async () => {
    expect((await ask(session, { ':path': '/', ':authority': NAME })).status).toBe(401);
    expect((await ask(session, { ...GET, 'x-api-key': TOKEN })).status).toBe(400);
    expect((await ask(session, { ...GET, ':path': '/a/..;/b' })).status).toBe(400);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it.each([
    ['reset with no error', constants.NGHTTP2_NO_ERROR],
    ['reset with cancel', constants.NGHTTP2_CANCEL],
    ['cut with its connection', undefined],
  ])('that is %s in the middle of its body is never whole upstream', async (_name, code) => {
    const client = await raw();
    const pseudo = { ':method': 'POST', ':scheme': 'https', ':path': '/x', ':authority': NAME };
    client.send(headers(1, { ...pseudo, ...AUTH }), data(1, 'half'));
    await gateway.upstream.seen('half');
    if (code === undefined) client.socket.destroy();
    else client.send(rstStream(1, code));
    await gateway.upstream.disconnected;
    expect(gateway.upstream.requests).toEqual([]);
    expect(gateway.upstream.bytes()).toMatch(/\r\n4\r\nhalf$/);
    client.socket.destroy();
  });

  it('drops trailers', async () => {
    const client = await raw();
    const pseudo = { ':method': 'POST', ':scheme': 'https', ':path': '/x', ':authority': NAME };
    client.send(
      headers(1, { ...pseudo, ...AUTH }),
      data(1, 'hello'),
      headers(1, { 'x-tessera-owner': 'evil' }, END_STREAM),
    );
    await client.received(({ stream }) => stream === 1);
    expect(gateway.upstream.requests).toHaveLength(1);
    expect(gateway.upstream.bytes()).not.toContain('evil');
    client.socket.destroy();
  });
});

describe('an answer over HTTP/2', () => {
  it.each([
    ['shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
    ['broken off in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf'],
    ['without its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('that is %s is reset, never ended', async (_name, bytes) => {
    gateway.upstream.answer = (_request, socket) => void socket.end(bytes);
    const { status, code } = await ask(session, GET);
    expect([status, code]).toEqual([200, constants.NGHTTP2_INTERNAL_ERROR]);
    // The session goes on.
    gateway.upstream.answer = (_request, socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    expect(await ask(session, GET)).toMatchObject({ status: 204, code: 0 });
  });

  it('has nothing of the upstream’s connection, and each field as often as it was sent', async () => {
    gateway.upstream.answer = (_request, socket) =>
      void socket.write(
        'HTTP/1.1 200 OK\r\nConnection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nSet-Cookie: a\r\n' +
          'Set-Cookie: b\r\nETag: "1"\r\nETag: "2"\r\nContent-Length: 5\r\n\r\nhello',
      );
    const { headers: received, body, code } = await ask(session, GET);
    expect([body, code]).toEqual(['hello', 0]);
    expect(received['set-cookie']).toEqual(['a', 'b']);
    expect(Object.keys(received)).not.toEqual(expect.arrayContaining(['x-gone']));
    for (const name of ['connection', 'keep-alive', 'upgrade', 'transfer-encoding'])
      expect(received).not.toHaveProperty(name);
  });

  it('begins before its body, and events come as they are sent', async () => {
    const sent = Promise.withResolvers<(text: string) => void>();
    gateway.upstream.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      sent.resolve((text) => socket.write(text));
    };
    const stream = session.request(GET);
    stream.setEncoding('utf8').on('error', () => {});
    await new Promise((resolve) => stream.once('response', resolve));
    const event = new Promise((resolve) => stream.once('data', resolve));
    (await sent.promise)('9\r\ndata: 1\n\n\r\n');
    expect(await event).toBe('data: 1\n\n');
    // The client leaves; the upstream hears of it.
    stream.close(constants.NGHTTP2_CANCEL);
    await gateway.upstream.disconnected;
  });
});

describe('bodies over HTTP/2', () => {
  const SIZE = 64 * 1_048_576;
  const chunk = Buffer.alloc(65_536, 'x');
  /** MiB that the process grew by while this ran. */
  const growth = async (work: () => Promise<void>): Promise<number> => {
    const rss = () => process.memoryUsage().rss / 1_048_576;
    const before = rss();
    let most = before;
    const watching = setInterval(() => {
      most = Math.max(most, rss());
    }, 20);
    await work();
    clearInterval(watching);
    return most - before;
  };

  it('pass down, 64 MiB, in little memory', async () => {
    gateway.upstream.answer = (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      let left = SIZE / chunk.length;
      const pour = (): void => {
        while (left > 0) {
          left -= 1;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', pour);
      pour();
    };
    let received = 0;
    const grown = await growth(async () => {
      for await (const part of session.request(GET)) received += (part as Buffer).length;
    });
    expect(received).toBe(SIZE);
    expect(grown).toBeLessThan(160);
  });

  it('pass up, 64 MiB to an upstream that reads slowly, in little memory', async () => {
    const grown = await growth(async () => {
      const { status, body, code } = await ask(session, { ...POST, ':path': '/sink' }, (stream) => {
        Readable.from(
          (function* () {
            for (let left = SIZE; left > 0; left -= chunk.length) yield chunk;
          })(),
        ).pipe(stream);
      });
      expect([status, body, code]).toEqual([200, String(SIZE), 0]);
    });
    expect(grown).toBeLessThan(160);
  });
});
