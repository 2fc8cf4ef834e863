import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerOf, connection, exchange, hear } from './support/raw-client.ts';
import { answerWith, valuesOf } from './support/recording-upstream.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;
const request = (method: string, path: string, ...fields: readonly string[]): string =>
  `${method} ${path} HTTP/1.1\r\n${lines('Host: a.test', AUTH, ...fields)}`;

let gateway: TestGateway;
afterEach(() => gateway.close());

describe('a body is the same on both sides, byte for byte', () => {
  const zeros = gzipSync(Buffer.alloc(8_000_000)).toString('latin1');
  const multipart = '--b\r\nContent-Disposition: form-data; name="a\r\nX-Evil: 1"\r\n\r\n1\r\n\n--b--';
  const bodies: readonly (readonly [string, string, string])[] = [
    ['JSON with duplicate members and odd spaces', 'application/json', '{"a" :1,\r\n"a":1.0,"\\u0061":"\xe9\x00"}'],
    ['a multipart body with a line break in a name', 'multipart/form-data; boundary=b', multipart],
    ['what looks like a request', 'text/plain', 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    ['8 MB of zeros in 8 kB of gzip', 'application/gzip', zeros],
  ];
  it.each(bodies)('%s', async (_name, type, body) => {
    gateway = await testGateway();
    const fields = [`Content-Type: ${type}`, 'Content-Encoding: gzip', `Content-Length: ${body.length}`];
    gateway.upstream.answer = answerWith(`HTTP/1.1 200 OK\r\n${lines(...fields)}`, body);
    const answer = await gateway.raw(`${request('POST', '/x', ...fields, 'Connection: close')}${body}`);
    expect([answer.status, answer.body]).toEqual([200, body]);
    expect(answer.head).toContain(
      `\r\ncontent-type: ${type}\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}`,
    );
    const [seen = ''] = gateway.upstream.requests;
    expect(gateway.upstream.requests).toHaveLength(1);
    expect(seen.slice(seen.indexOf('\r\n\r\n') + 4)).toBe(body);
    expect(valuesOf(seen, 'content-type')).toEqual([type]);
    expect(valuesOf(seen, 'content-encoding')).toEqual(['gzip']);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])(
    'a chunked one of a %s, and the next request is the next',
    async (method) => {
      gateway = await testGateway();
      gateway.upstream.answer = answerWith('HTTP/1.1 204 No Content\r\n\r\n');
      const inner = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';
      const { text } = await exchange(
        gateway.port,
        `${request(method, '/x', 'Transfer-Encoding: chunked')}${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n` +
          request('GET', '/next', 'Connection: close'),
      );
      expect(text.match(/HTTP\/1\.1 204/g)).toHaveLength(2);
      expect(gateway.upstream.requests.map((seen) => seen.slice(0, seen.indexOf(' HTTP')))).toEqual([
        `${method} /x`,
        'GET /next',
      ]);
      expect(gateway.upstream.requests[0]?.endsWith(`\r\n${inner}\r\n0\r\n\r\n`)).toBe(true);
    },
  );
});

describe('trailers', () => {
  const TRAILERS = ['Host: evil', 'Authorization: evil', 'X-Tessera-Owner: evil', 'Set-Cookie: evil', 'X-Own: evil'];

  it('of a request end here, and one that frames is refused', async () => {
    gateway = await testGateway();
    const chunked = request('POST', '/x', 'Transfer-Encoding: chunked', 'Connection: close');
    expect((await gateway.raw(`${chunked}2\r\nhi\r\n0\r\n${lines(...TRAILERS)}`)).status).toBe(200);
    expect(gateway.upstream.bytes()).not.toContain('evil');
    for (const framing of ['Content-Length: 9', 'Transfer-Encoding: chunked']) {
      const { status } = await gateway.raw(`${chunked}2\r\nhi\r\n0\r\n${lines(framing)}GET /smuggled HTTP/1.1\r\n\r\n`);
      expect([framing, status]).toEqual([framing, 400]);
    }
    expect(gateway.upstream.requests).toHaveLength(1);
  });

  it.each(['1.1', '1.0'])('of an answer end here, for a client of HTTP/%s', async (version) => {
    gateway = await testGateway();
    gateway.upstream.answer = answerWith(
      'HTTP/1.1 200 OK\r\nTrailer: X-Own, Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n',
      `2\r\nhi\r\n0\r\n${lines(...TRAILERS)}`,
    );
    const { status, head, body } = await gateway.raw(
      request('GET', '/x', 'TE: trailers', 'Connection: close, TE').replace('HTTP/1.1', `HTTP/${version}`),
    );
    expect([status, body]).toEqual([200, version === '1.1' ? '2\r\nhi\r\n0\r\n\r\n' : 'hi']);
    expect(head).not.toMatch(/trailer|evil/i);
  });
});

describe('what an upstream sends behind its answer', () => {
  const EXTRA = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
  const first: readonly (readonly [string, string])[] = [
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n'],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ];
  it.each(first)('%s is never the answer to another request', async (_name, answer) => {
    gateway = await testGateway();
    // Once right behind the answer, and once while the connection waits for its next request.
    for (const extra of [EXTRA, '']) {
      gateway.upstream.answer = (_request, socket) => void socket.write(answer + extra);
      expect((await gateway.get('/first')).status).toBeLessThan(300);
      if (extra === '') gateway.upstream.answerNow(EXTRA);
      await gateway.upstream.disconnected;
      gateway.upstream.answer = answerWith('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood');
      expect((await gateway.get('/next')).body).toBe('good');
      await gateway.close();
      gateway = await testGateway();
    }
  });

  it('to a HEAD is never the answer to another request', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = (seen, socket) =>
      void socket.write(
        seen.startsWith('HEAD')
          ? `HTTP/1.1 200 OK\r\nContent-Length: ${EXTRA.length}\r\n\r\n${EXTRA}`
          : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood',
      );
    expect((await gateway.raw(request('HEAD', '/first', 'Connection: close'))).body).toBe('');
    expect((await gateway.get('/next')).body).not.toContain('evil');
  });
});

describe('an answer with a credential', () => {
  it('is kept by nobody here: the same request without one is refused', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = answerWith(
      'HTTP/1.1 200 OK\r\nCache-Control: public, max-age=3600\r\nETag: "a"\r\nContent-Length: 6\r\n\r\nsecret',
    );
    expect((await gateway.get('/x')).body).toBe('secret');
    for (const fields of [[], ['If-None-Match: "a"'], ['Cache-Control: only-if-cached']]) {
      const { status, head, body } = await gateway.get('/x', fields);
      expect(status).toBe(401);
      expect(head).toContain('\r\nCache-Control: no-store');
      expect(body).not.toContain('secret');
    }
    expect(gateway.upstream.requests).toHaveLength(1);
  });
});

describe('an error tells nothing', () => {
  it('of the upstream, the program or the credential, whatever went wrong', async () => {
    gateway = await testGateway({
      uploadStallMs: 1_000,
      routes: (url) => [
        { name: 'all', match: { path: '/*' }, upstream: { targets: [{ url }], timeouts: { response: 1 } } },
        { name: 'dead', match: { path: '/dead' }, upstream: { targets: [{ url: 'http://127.0.0.1:1' }] } },
        { name: 'get', match: { path: '/get', methods: ['GET'] }, upstream: { targets: [{ url }] } },
        { name: 'scope', match: { path: '/scope' }, require: { scopes: ['x'] }, upstream: { targets: [{ url }] } },
      ],
      limits: { headersTimeoutMs: 1_000, checkEveryMs: 50 },
    });
    const close = 'Connection: close';
    const causes: readonly (readonly [number, string])[] = [
      [400, request('GET', '/%', close)],
      [400, request('GET', '/x', 'Content-Length: x', close)],
      [400, `GET / HTTP/1.1\r\n${lines(AUTH)}`],
      [401, request('GET', '/x', close).replace(AUTH, 'X-Other: 1')],
      [401, request('GET', '/x', close).replace(TOKEN, `${TOKEN.slice(0, -1)}!`)],
      [403, request('GET', '/scope', close)],
      [405, request('POST', '/get', 'Content-Length: 0', close)],
      [405, request('TRACE', '/x', close)],
      [408, `GET /x HTTP/1.1\r\n${AUTH}\r\n`],
      [408, `${request('POST', '/x', 'Content-Length: 9', close)}half`],
      [414, request('GET', `/${'a'.repeat(9_000)}`, close)],
      [417, request('GET', '/x', 'Expect: x', close)],
      [426, request('GET', '/x', 'Connection: Upgrade', 'Upgrade: websocket')],
      [431, request('GET', '/x', `X: ${'a'.repeat(20_000)}`)],
      [501, request('GET', '/x', 'Connection: Upgrade, close', 'Upgrade: other')],
      [502, request('GET', '/dead', close)],
      [502, request('GET', '/garbage', close)],
      [504, request('GET', '/silent', close)],
    ];
    gateway.upstream.answer = (seen, socket) => {
      if (seen.includes('/garbage')) socket.write(`SSH-2.0-${gateway.upstream.authority}\r\n`);
    };
    for (const [expected, bytes] of causes) {
      const { status, head, body } = await answerOf(hear(connection(gateway.port, bytes)));
      expect([status, bytes]).toEqual([expected, bytes]);
      const told = `${head}\r\n${body}`;
      expect(told).not.toContain(TOKEN.slice(9, 40));
      expect(told).not.toContain('127.0.0.1');
      expect(told).not.toMatch(
        /\.ts\b|\bat \w|node[:.]|undici|HPE_|UND_|ECONN|v\d+\.\d+|\r\n(?:Server|Via|X-Powered-By):/i,
      );
      expect(JSON.parse(body)).toEqual({
        type: expect.stringMatching(/^urn:tessera:problem:[a-z_]+$/),
        title: expect.any(String),
        status,
        code: expect.any(String),
        requestId: expect.any(String),
        ...('detail' in JSON.parse(body) && { detail: expect.any(String) }),
      });
    }
  });
});
