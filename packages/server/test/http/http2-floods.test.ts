/** What a stranger can pour into a session of HTTP/2 is bounded: the session ends, everybody else is served, memory stays. */

import { constants } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { edgeOptions, receive } from '../../src/http/edge.ts';
import type { Handler } from '../../src/http/listen-options.ts';
import { sendJson, sendProblem } from '../../src/http/send.ts';
import {
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  headers,
  hpack,
  type RawHttp2,
  rawHttp2,
  rstStream,
  TYPE,
} from './support/raw-http2.ts';
import { ask, NAME, type TestTls, type TestTlsOptions, tlsListener } from './support/tls-listener.ts';

let server: TestTls;
let handled = 0;
afterEach(() => server.close());

const handler: Handler = (request, response) => {
  handled += 1;
  const incoming = receive(request, edgeOptions());
  if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
  sendJson(response, 200, { ok: true }, incoming);
};

const start = async (more: Partial<TestTlsOptions> = {}): Promise<RawHttp2> => {
  handled = 0;
  server = await tlsListener({ handler, ...more });
  return rawHttp2(server);
};

const count: Handler = () => {
  handled += 1;
};

const GET = { ':method': 'GET', ':scheme': 'https', ':path': '/', ':authority': NAME };

const slowSection = headers(1, { ...GET, 'x-a': 'a'.repeat(1_000) }, END_STREAM);

/** Pours until the other side has had enough; false where it took everything. */
const pour = async (raw: RawHttp2, make: (turn: number) => Uint8Array, turns: number): Promise<boolean> => {
  for (let turn = 0; turn < turns && raw.socket.writable; turn += 1) {
    raw.send(make(turn));
    if (raw.socket.writableNeedDrain) await settled(raw);
    else if (turn % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return raw.socket.destroyed || !raw.socket.writable || (await ended(raw));
};

const settled = (raw: RawHttp2): Promise<unknown> =>
  new Promise((resolve) => raw.socket.once('drain', resolve).once('close', resolve));

const ended = (raw: RawHttp2): Promise<boolean> =>
  new Promise((resolve) => {
    if (raw.socket.destroyed) return resolve(true);
    const patience = setTimeout(resolve, 30_000, false);
    raw.socket.once('close', () => {
      clearTimeout(patience);
      resolve(true);
    });
  });

/** The session is over, and the next one is served as ever. */
const expectServed = async (): Promise<void> => {
  expect((await ask(server.session(), { ':path': '/' })).status).toBe(200);
  expect(server.errors).toEqual([]);
};

const grown = (before: number): number => {
  globalThis.gc?.();
  return (process.memoryUsage().rss - before) / 1_048_576;
};

describe('a session is ended, and nobody else hears of it, for', () => {
  it('a header section that never ends', async () => {
    const raw = await start();
    const before = process.memoryUsage().rss;
    raw.send(frame(TYPE.headers, 0, 1, hpack(GET)));
    const piece = hpack({ 'x-a': 'a'.repeat(16_000) });
    expect(await pour(raw, () => frame(TYPE.continuation, 0, 1, piece), 4_000)).toBe(true);
    expect(handled).toBe(0);
    expect(grown(before)).toBeLessThan(64);
    await expectServed();
  });

  it('a header section of empty pieces', async () => {
    const raw = await start();
    raw.send(frame(TYPE.headers, 0, 1, hpack(GET)));
    expect(await pour(raw, () => frame(TYPE.continuation, 0, 1), 10_000)).toBe(true);
    await expectServed();
  });

  it.each([
    ['an index out of the table', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['an integer without an end', Buffer.alloc(200, 0xff)],
    ['a Huffman code that is none', Buffer.from([0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00])],
    ['a table larger than agreed', Buffer.from([0x3f, 0xe1, 0xff, 0x03])],
    ['half a field', Buffer.from([0x00, 0x05, 0x61])],
  ])('HPACK with %s', async (_name, garbage) => {
    const raw = await start();
    raw.send(frame(TYPE.headers, END_HEADERS | END_STREAM, 1, garbage));
    expect(await ended(raw)).toBe(true);
    expect(handled).toBe(0);
    await expectServed();
  });

  it('resets in quick succession', async () => {
    const raw = await start();
    const turn = (at: number) =>
      Buffer.concat([headers(at * 2 + 1, GET, END_STREAM), rstStream(at * 2 + 1, constants.NGHTTP2_CANCEL)]);
    expect(await pour(raw, turn, 5_000)).toBe(true);
    // The burst that is allowed, and what was on the way; far from all that was asked.
    expect(handled).toBeLessThan(1_000);
    await expectServed();
  });

  it('resets that it makes us send', async () => {
    const raw = await start();
    // Malformed: a connection-specific field. Each is answered with a reset of ours.
    const turn = (at: number) => headers(at * 2 + 1, { ...GET, connection: 'close' }, END_STREAM);
    expect(await pour(raw, turn, 5_000)).toBe(true);
    expect(handled).toBe(0);
    await expectServed();
  });

  it('more settings than anybody needs in a frame', async () => {
    const raw = await start();
    const setting = Buffer.from([0, 3, 0, 0, 0, 100]);
    raw.send(frame(TYPE.settings, 0, 0, Buffer.concat(Array<Buffer>(1_000).fill(setting))));
    expect(await ended(raw)).toBe(true);
    await expectServed();
  });

  it.each([
    ['pings', frame(TYPE.ping, 0, 0, Buffer.alloc(8))],
    ['settings', frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))],
  ])('%s that it does not take the answers to', async (_name, asking) => {
    const raw = await start();
    const before = process.memoryUsage().rss;
    raw.socket.pause();
    const many = Buffer.concat(Array<Buffer>(1_000).fill(asking));
    let written = 0;
    while (written < 40_000_000 && !raw.socket.destroyed) {
      raw.send(many);
      written += many.length;
      if (raw.socket.writableNeedDrain) {
        const stuck = new Promise((resolve) => setTimeout(resolve, 500, 'stuck'));
        if ((await Promise.race([settled(raw), stuck])) === 'stuck') break;
      }
    }
    raw.socket.destroy();
    expect(grown(before)).toBeLessThan(96);
    await expectServed();
  });

  it('a window that overflows', async () => {
    const raw = await start();
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(0x7fffffff);
    raw.send(frame(TYPE.windowUpdate, 0, 0, payload));
    expect(await raw.over()).toBe(constants.NGHTTP2_FLOW_CONTROL_ERROR);
    await expectServed();
  });

  it.each([
    ['pings', () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))],
    ['a header section that comes byte by byte', (turn: number) => slowSection.subarray(turn, turn + 1)],
  ])('nothing asked for in time, but %s', async (_name, make) => {
    const raw = await start({ limits: { headersTimeoutMs: 300 } });
    let turn = 0;
    const sending = setInterval(() => {
      raw.send(make(turn));
      turn += 1;
    }, 30);
    expect(await ended(raw)).toBe(true);
    clearInterval(sending);
    expect(turn).toBeGreaterThan(0);
    await expectServed();
  });
});

describe('a session', () => {
  const status = (raw: RawHttp2, stream: number): Promise<Frame> =>
    raw.received((seen) => seen.stream === stream && (seen.type === TYPE.headers || seen.type === TYPE.rstStream));

  it.each([
    ['connection', { connection: 'close' }],
    ['transfer-encoding', { 'transfer-encoding': 'chunked' }],
    ['upgrade', { upgrade: 'websocket' }],
    ['keep-alive', { 'keep-alive': 'timeout=5' }],
    ['te', { te: 'gzip' }],
    ['a name in upper case', { 'X-A': 'b' }],
    ['a protocol', { ':protocol': 'websocket' }],
    ['an unknown pseudo field', { ':status': '200' }],
  ])('resets a request with %s as malformed, and serves the next', async (_name, field) => {
    const raw = await start();
    raw.send(headers(1, { ...GET, ...field }, END_STREAM));
    expect((await status(raw, 1)).type).toBe(TYPE.rstStream);
    raw.send(headers(3, GET, END_STREAM));
    expect((await status(raw, 3)).type).toBe(TYPE.headers);
    expect(handled).toBe(1);
    raw.socket.destroy();
  });

  it.each([
    ['a name with a space', { 'x a': 'b' }],
    ['a value with a line', { 'x-a': 'b\r\nx-tessera-owner: evil' }],
    ['a value with a NUL', { 'x-a': 'b\0' }],
  ])('drops a field with %s: nothing of it passes', async (_name, field) => {
    const seen = Promise.withResolvers<readonly string[]>();
    server = await tlsListener({
      handler: (request, response) => {
        seen.resolve(request.rawHeaders);
        response.end();
      },
    });
    const raw = await rawHttp2(server);
    raw.send(headers(1, { ...GET, ...field }, END_STREAM));
    expect(await seen.promise).toEqual(['host', NAME]);
    raw.socket.destroy();
  });

  it.each([
    ['no path', { ':method': 'GET', ':scheme': 'https', ':authority': NAME }],
    ['no method', { ':scheme': 'https', ':path': '/', ':authority': NAME }],
    ['an empty path', { ...GET, ':path': '' }],
    ['a body shorter than it says', { ...GET, 'content-length': '5' }],
  ])('resets a request with %s', async (_name, fields) => {
    const raw = await start();
    raw.send(headers(1, fields, END_STREAM));
    expect((await status(raw, 1)).type).toBe(TYPE.rstStream);
    expect(handled).toBe(0);
    raw.socket.destroy();
  });

  it('bounds the header section, and says so where there are too many fields', async () => {
    const raw = await start();
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, 'a']));
    raw.send(headers(1, { ...GET, ...many(210) }, END_STREAM));
    expect((await status(raw, 1)).type).toBe(TYPE.headers);
    const session = server.session();
    expect((await ask(session, { ':path': '/', ...many(210) })).status).toBe(431);
    expect((await ask(session, { ':path': '/', ...many(300) })).status).toBe(0);
    expect((await ask(session, { ':path': '/', 'x-a': 'a'.repeat(15_000) })).status).toBe(200);
    expect((await ask(server.session(), { ':path': '/', 'x-a': 'a'.repeat(20_000) })).status).toBe(431);
    await expectServed();
    raw.socket.destroy();
  });

  it('runs so many requests at once and no more', async () => {
    handled = 0;
    server = await tlsListener({ handler: count, limits: { maxStreams: 5 } });
    const raw = await rawHttp2(server);
    for (let at = 0; at < 8; at += 1) raw.send(headers(at * 2 + 1, GET, END_STREAM));
    const refused = await raw.received(({ type, stream }) => type === TYPE.rstStream && stream === 15);
    expect(refused.payload.readUInt32BE()).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(handled).toBe(5);
    raw.socket.destroy();
  });

  it('drops an answer that nobody makes room for', async () => {
    server = await tlsListener({ handler, limits: { unreadTimeoutMs: 200 } });
    const raw = await rawHttp2(server);
    // An initial window of 0: the answer has nowhere to go.
    raw.send(frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])), headers(1, GET, END_STREAM));
    const cut = await raw.received(({ type, stream }) => type === TYPE.rstStream && stream === 1);
    expect(cut.payload.readUInt32BE()).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    raw.socket.destroy();
  });

  it('leaves nothing behind: thousands of them, ended in every way, take no memory', async () => {
    const warm = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at += 1) {
        const raw = await rawHttp2(server);
        raw.send(headers(1, GET, END_STREAM));
        if (at % 3 === 0) raw.send(frame(TYPE.goaway, 0, 0, Buffer.alloc(8)));
        if (at % 3 === 1) raw.send(frame(TYPE.windowUpdate, 0, 0, Buffer.from([0, 0, 1, 0])));
        raw.socket.destroy();
      }
    };
    await start();
    await warm(100);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    await warm(500);
    expect(grown(before)).toBeLessThan(96);
    await expectServed();
  });
});
