import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { connection, exchange, hear } from './support/raw-client.ts';
import { OK, valuesOf } from './support/recording-upstream.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;
const HOST = 'Host: a.test';

describe('a request reaches the upstream as one request, or not at all', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway();
  });
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
    gateway.upstream.answer = OK;
  });
  afterAll(() => gateway.close());

  const post = (...fields: readonly string[]) => `POST /x HTTP/1.1\r\n${lines(HOST, AUTH, ...fields)}`;
  const chunked = (body: string) => post('Transfer-Encoding: chunked') + body;

  const ambiguous: readonly (readonly [string, string])[] = [
    ['length and chunked', `${post('Content-Length: 6', 'Transfer-Encoding: chunked')}0\r\n\r\nX`],
    ['chunked and length', `${post('Transfer-Encoding: chunked', 'Content-Length: 6')}0\r\n\r\nX`],
    ['two lengths that differ', `${post('Content-Length: 5', 'Content-Length: 6')}helloX`],
    ['two lengths alike', `${post('Content-Length: 5', 'Content-Length: 5')}hello`],
    ['a list of lengths', `${post('Content-Length: 5, 5')}hello`],
    ['a length +5', `${post('Content-Length: +5')}hello`],
    ['a length -1', `${post('Content-Length: -1')}hello`],
    ['a length 0x5', `${post('Content-Length: 0x5')}hello`],
    ['a length 5_0', `${post('Content-Length: 5_0')}hello`],
    ['a length 05', `${post('Content-Length: 05')}hello`],
    ['an empty length', `${post('Content-Length:')}hello`],
    ['a length of 2^64', `${post('Content-Length: 18446744073709551616')}hello`],
    ['a length in an alias and another', `${post('Content-Length: 5', 'Content-Length : 6')}helloX`],
    ['transfer coding xchunked', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`],
    ['transfer coding gzip, chunked', `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
    ['transfer coding twice', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
    ['transfer coding chunked, identity', `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n`],
    ['transfer coding in HTTP/1.0', `POST /x HTTP/1.0\r\n${lines(HOST, AUTH, 'Transfer-Encoding: chunked')}0\r\n\r\n`],
    ['chunk size 0x2', chunked('0x2\r\nhi\r\n0\r\n\r\n')],
    ['chunk size +2', chunked('+2\r\nhi\r\n0\r\n\r\n')],
    ['chunk size 2_0', chunked('2_0\r\nhi\r\n0\r\n\r\n')],
    ['an empty chunk size', chunked('\r\nhi\r\n0\r\n\r\n')],
    ['a chunk size of 17 digits', chunked('10000000000000002\r\nhi\r\n0\r\n\r\n')],
    ['a space behind a chunk size', chunked('2 ;a\r\nhi\r\n0\r\n\r\n')],
    ['a chunk ended by LF', chunked('2\nhi\r\n0\r\n\r\n')],
    ['a chunk longer than its size', chunked('2\r\nhiX\r\n0\r\n\r\n')],
    ['LF in a chunk extension', chunked('2;a\nb\r\nhi\r\n0\r\n\r\n')],
    ['CR in a chunk extension', chunked('2;a\rb\r\nhi\r\n0\r\n\r\n')],
    ['NUL in a chunk extension', chunked('2;a\0b\r\nhi\r\n0\r\n\r\n')],
    ['a length among the trailers', chunked('2\r\nhi\r\n0\r\nContent-Length: 9\r\n\r\n')],
    ['an endless chunk extension', chunked(`2;${'a'.repeat(1_000_000)}\r\nhi\r\n0\r\n\r\n`)],
    ['a folded line', post('X-A: 1\r\n 2')],
    ['a space before the colon', post('X-A : 1')],
    ['a space before the name', `POST /x HTTP/1.1\r\n X-A: 1\r\n${lines(HOST, AUTH)}`],
    ['no colon', post('X-A')],
    ['an empty name', post(': 1')],
    ['bare LF', `POST /x HTTP/1.1\n${lines(HOST, AUTH).replaceAll('\r\n', '\n')}`],
    ['bare CR in a value', post('X-A: 1\r2')],
    ['CR CR LF', post('X-A: 1\r')],
    ['text after the empty line of a head that ended in CR', post('X-A: 1').replace(/\r\n$/, '\rX')],
    ['NUL in a value', post('X-A: 1\x002')],
    ['a byte over 0x7f in a name', post('X-\xe9: 1')],
  ];
  it.each(ambiguous)('refuses %s with 400 and closes', async (_name, bytes) => {
    const heard = await exchange(
      gateway.port,
      `${bytes}GET /next HTTP/1.1\r\n${lines(HOST, AUTH, 'Connection: close')}`,
    );
    expect(heard.text.slice(0, 12)).toMatch(/^HTTP\/1\.1 4(?:00|13)$/);
    expect(heard.text).not.toContain(TOKEN);
    expect(heard.text).toMatch(/"code":"(?:invalid_request|too_large)"/);
    expect(heard.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(heard.text).toMatch(/\r\nConnection: close\r\n/);
    expect(gateway.upstream.requests).toEqual([]);
    expect(gateway.faults).toEqual([]);
  });

  const lines400: readonly (readonly [string, string])[] = [
    ['GET *', 'GET * HTTP/1.1'],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1'],
    ['a fragment', 'GET /#f HTTP/1.1'],
    ['HTTP/0.9', 'GET / HTTP/0.9'],
    ['HTTP/1.2', 'GET / HTTP/1.2'],
    ['HTTP/01.01', 'GET / HTTP/01.01'],
    ['HTTP/2.0', 'GET / HTTP/2.0'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0'],
    ['no version', 'GET /'],
    ['a method in lower case', 'get / HTTP/1.1'],
    ['an unknown method', 'GETT / HTTP/1.1'],
    ['an authority that is not Host', 'GET http://b.test/ HTTP/1.1'],
    ['an authority with a user', 'GET http://user@a.test/ HTTP/1.1'],
    ['another scheme', 'GET ftp://a.test/ HTTP/1.1'],
  ];
  it.each(lines400)('refuses a request line with %s', async (_name, line) => {
    const { status, body, head } = await gateway.raw(`${line}\r\n${lines(HOST, AUTH, 'Connection: close')}`);
    expect(status).toBe(400);
    expect(head).toMatch(/\r\nContent-Type: application\/problem\+json/);
    expect(body).toContain('"code":"invalid_request"');
    expect(gateway.upstream.requests).toEqual([]);
  });

  it.each(['TRACE / HTTP/1.1', 'CONNECT x.test:443 HTTP/1.1'])('refuses %s with 405', async (line) => {
    const { status, head } = await gateway.raw(`${line}\r\n${lines(HOST, AUTH, 'Connection: close')}`);
    expect(status).toBe(405);
    expect(head).toMatch(/\r\nAllow: GET, HEAD, POST/);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('takes the absolute form of its own authority, and sends the path alone', async () => {
    await gateway.raw(`GET http://A.test:80/p?q HTTP/1.1\r\n${lines(HOST, AUTH, 'Connection: close')}`);
    expect(gateway.upstream.requests[0]).toMatch(/^GET \/p\?q HTTP\/1\.1\r\n/);
  });

  const hosts: readonly (readonly [string, readonly string[]])[] = [
    ['no Host', []],
    ['two Hosts', ['Host: a.test', 'Host: a.test']],
    ['a list of Hosts', ['Host: a.test, b.test']],
    ['an empty Host', ['Host:']],
    ['a Host with a user', ['Host: user@a.test']],
    ['a Host with a path', ['Host: a.test/x']],
    ['a Host with a bad port', ['Host: a.test:65536']],
    ['a Host that is no address', ['Host: [::g]']],
    ['a Host with a space', ['Host: a test']],
  ];
  it.each(hosts)('refuses %s', async (_name, fields) => {
    const { status } = await gateway.raw(`GET / HTTP/1.1\r\n${lines(...fields, AUTH, 'Connection: close')}`);
    expect(status).toBe(400);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('drops trailers and chunk extensions, and frames the body anew', async () => {
    const { status } = await gateway.raw(
      post('Transfer-Encoding: chunked', 'Trailer: Authorization', 'Connection: close') +
        '5;ext=1\r\nhello\r\n0\r\nHost: evil\r\nAuthorization: Bearer x\r\nX-Tessera-Owner: evil\r\n\r\n',
    );
    expect(status).toBe(200);
    const [request = ''] = gateway.upstream.requests;
    expect(request.slice(request.indexOf('\r\n\r\n') + 4)).toBe('5\r\nhello\r\n0\r\n\r\n');
    expect(gateway.upstream.bytes()).not.toMatch(/evil|ext=1|Bearer/);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('keeps the body of a %s in its frame', async (method) => {
    const head = `${method} /x HTTP/1.1\r\n`;
    const inner = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';
    gateway.upstream.answer = (_request, socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    const heard = await exchange(
      gateway.port,
      `${head}${lines(HOST, AUTH, `Content-Length: ${inner.length}`)}${inner}GET /next HTTP/1.1\r\n${lines(HOST, AUTH, 'Connection: close')}`,
    );
    expect(heard.text.match(/HTTP\/1\.1 204/g)).toHaveLength(2);
    expect(gateway.upstream.requests.map((request) => request.slice(0, request.indexOf(' HTTP')))).toEqual([
      `${method} /x`,
      'GET /next',
    ]);
    expect(valuesOf(gateway.upstream.requests[0] ?? '', 'content-length')).toEqual([String(inner.length)]);
  });

  it('passes the bytes of a body as they are, and bytes over 0x7f of a value', async () => {
    const body = '{"a" :1,\r\n"b":"\xe9\x00\xff"}';
    await gateway.raw(`${post(`Content-Length: ${body.length}`, 'X-Latin: caf\xe9', 'Connection: close')}${body}`);
    const [request = ''] = gateway.upstream.requests;
    expect(request.endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(valuesOf(request, 'x-latin')).toEqual(['caf\xe9']);
  });

  it('reads two spaces in a request line as one, and sends one', async () => {
    await gateway.raw(`GET  /x HTTP/1.1\r\n${lines(HOST, AUTH, 'Connection: close')}`);
    expect(gateway.upstream.requests[0]).toMatch(/^GET \/x HTTP\/1\.1\r\n/);
  });

  it('answers pipelined requests in their order', async () => {
    const one = (path: string, ...more: string[]) => `GET ${path} HTTP/1.1\r\n${lines(HOST, AUTH, ...more)}`;
    gateway.upstream.answer = (request, socket) => {
      const path = request.slice(4, request.indexOf(' HTTP'));
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    };
    const { text } = await exchange(gateway.port, one('/1') + one('/2') + one('/3', 'Connection: close'));
    expect(text.match(/\r\n\r\n\/[123]/g)).toEqual(['\r\n\r\n/1', '\r\n\r\n/2', '\r\n\r\n/3']);
  });

  it('asks for a body with 100-continue only once the request is accepted', async () => {
    const refused = await gateway.raw(
      `POST /x HTTP/1.1\r\n${lines(HOST, 'Content-Length: 5', 'Expect: 100-continue', 'Connection: close')}`,
    );
    expect(refused.status).toBe(401);
    const socket = connection(gateway.port, post('Content-Length: 5', 'Expect: 100-continue', 'Connection: close'));
    socket.once('data', () => socket.write('hello'));
    const heard = await hear(socket);
    expect(heard.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(valuesOf(gateway.upstream.requests[0] ?? '', 'expect')).toEqual([]);
  });

  it('refuses any other expectation', async () => {
    const { status, body } = await gateway.raw(
      post('Expect: the-impossible', 'Content-Length: 0', 'Connection: close'),
    );
    expect(status).toBe(417);
    expect(body).toContain('"code":"expectation_failed"');
  });

  it('changes to no protocol but WebSocket', async () => {
    const upgrade = (...more: string[]) =>
      `GET /x HTTP/1.1\r\n${lines(HOST, AUTH, 'Connection: close, Upgrade', ...more)}`;
    const other = await gateway.raw(upgrade('Upgrade: TLS/1.0'));
    expect([other.status, other.body.includes('"code":"upgrade_unsupported"')]).toEqual([501, true]);
    expect(gateway.upstream.requests).toEqual([]);
    const h2c = await gateway.raw(upgrade('Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'));
    expect(h2c.status).toBe(200);
    expect(gateway.upstream.requests).toHaveLength(1);
    expect(gateway.upstream.requests[0]).not.toMatch(/upgrade|http2-settings/i);
  });

  it('bounds the header section and the target', async () => {
    const long = await gateway.raw(`GET / HTTP/1.1\r\n${lines(HOST, AUTH, `X-A: ${'a'.repeat(16_385)}`)}`);
    expect([long.status, long.body.includes('"code":"headers_too_large"')]).toEqual([431, true]);
    const many = await gateway.raw(`GET / HTTP/1.1\r\n${lines(HOST, AUTH, ...Array<string>(10_000).fill('a: b'))}`);
    expect(many.status).toBe(431);
    const several = await gateway.raw(
      `GET / HTTP/1.1\r\n${lines(HOST, AUTH, 'Connection: close', ...Array<string>(201).fill('a: b'))}`,
    );
    expect(several.status).toBe(431);
    const target = await gateway.get(`/${'a'.repeat(9_000)}`);
    expect([target.status, target.body.includes('"code":"uri_too_long"')]).toEqual([414, true]);
    expect((await gateway.get(`/${'a'.repeat(102_400)}`)).status).toBe(431);
    expect(gateway.upstream.requests).toEqual([]);
  });
});
