import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerOf, connection, exchange, hear, until } from './support/raw-client.ts';
import { answerWith } from './support/recording-upstream.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;
const GET = `GET /x HTTP/1.1\r\n${lines('Host: a.test', AUTH)}`;
const GET_AND_CLOSE = `GET /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, 'Connection: close')}`;
const MIB = 1_048_576;
/** What the systems and we hold between the two sides, at most; of 256 MiB. */
const MOST = 128 * MIB;

let gateway: TestGateway;
afterEach(() => gateway.close());

describe('an answer that breaks off', () => {
  const halves: readonly (readonly [string, string])[] = [
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['inside a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello'],
  ];
  it.each(halves)('%s never ends cleanly for the client, and is recorded as failed', async (_name, half) => {
    gateway = await testGateway();
    gateway.upstream.answer = (_request, socket) => void socket.write(half, () => socket.end());
    for (const version of ['1.1', '1.0']) {
      const { text, end } = await exchange(gateway.port, GET.replace('HTTP/1.1', `HTTP/${version}`));
      expect(end).toBe('reset');
      expect(text).not.toMatch(/0\r\n\r\n$/);
    }
    await expect
      .poll(() => gateway.recorded.map(({ status, code }) => [status, code]))
      .toEqual([
        [502, 'ok'],
        [502, 'ok'],
      ]);
    expect(gateway.upstreamFaults).toHaveLength(2);
    expect(gateway.upstream.requests).toHaveLength(2);
  });
});

describe('an answer that is not valid', () => {
  const invalid: readonly (readonly [string, string])[] = [
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['length and chunked', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a length +5', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello'],
    ['a chunked coding that is not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
    ['gzip inside chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n Set-Cookie: evil\r\nContent-Length: 0\r\n\r\n'],
    ['bare LF', 'HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 0\n\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n'],
    ['NUL in a field', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['bare CR in a field', 'HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n'],
    ['a name with a space', 'HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n'],
    ['a header section of 1 MB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(1_000_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['a flood of interim answers', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1_000)],
    ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['nothing', ''],
  ];
  it.each(invalid)('becomes 502: %s', async (_name, bytes) => {
    gateway = await testGateway();
    gateway.upstream.answer = (_request, socket) =>
      void (bytes === '' ? socket.destroy() : socket.write(bytes, 'latin1'));
    const { status, body, head } = await answerOf(exchange(gateway.port, GET_AND_CLOSE));
    expect(status).toBe(502);
    expect(JSON.parse(body)).toMatchObject({
      code: 'upstream_failed',
      title: 'The upstream did not give a valid answer',
    });
    expect(head + body).not.toContain(gateway.upstream.authority);
    expect(gateway.recorded.map(({ status }) => status)).toEqual([502]);
    expect(gateway.upstreamFaults).toHaveLength(1);
  });

  it('becomes 502 where nobody listens', async () => {
    gateway = await testGateway();
    await gateway.upstream.close();
    expect((await answerOf(exchange(gateway.port, GET_AND_CLOSE))).status).toBe(502);
  });

  it('becomes 504 where the upstream is silent', async () => {
    gateway = await testGateway({
      routes: (url) => [
        { name: 'all', match: { path: '/*' }, upstream: { targets: [{ url }], timeouts: { response: 0.3 } } },
      ],
    });
    gateway.upstream.answer = () => {};
    const { status, body } = await answerOf(exchange(gateway.port, GET_AND_CLOSE));
    expect([status, JSON.parse(body).code]).toEqual([504, 'upstream_timeout']);
    await gateway.upstream.disconnected;
  });
});

describe('an answer that is valid', () => {
  it('passes as it is, less the fields of its connection', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = answerWith(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
      'HTTP/1.1 203 Whatever\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nTrailer: X-T\r\n',
      'Proxy-Authenticate: Basic\r\nX-Request-Id: theirs\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Latin: caf\xe9\r\n',
      'Cache-Control: public, max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n',
    );
    const { status, head, body } = await gateway.get('/', [AUTH, 'X-Request-Id: ours']);
    expect(status).toBe(203);
    expect(head).toContain('\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-latin: caf\xe9\r\n');
    expect(head).toContain('\r\ncache-control: public, max-age=60\r\n');
    expect(head).toContain('\r\nX-Request-Id: ours');
    expect(head).not.toMatch(/x-hop|trailer|proxy-auth|theirs|timeout=9/i);
    expect(body).toBe('2\r\nhi\r\n0\r\n\r\n');
  });

  it('has no body where HEAD was asked, and keeps its length', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = answerWith('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    const { status, head, body, end } = await gateway.raw(GET_AND_CLOSE.replace('GET', 'HEAD'));
    expect([status, body, end]).toEqual([200, '', 'clean']);
    expect(head).toContain('\r\ncontent-length: 1000');
  });

  it.each([204, 304])('ends after the header section of a %i', async (code) => {
    gateway = await testGateway();
    gateway.upstream.answer = answerWith(`HTTP/1.1 ${code} X\r\nETag: "a"\r\n\r\n`);
    const { status, body, end } = await gateway.raw(GET_AND_CLOSE);
    expect([status, body, end]).toEqual([code, '', 'clean']);
  });

  it('goes to the client event by event', async () => {
    gateway = await testGateway();
    const steps: (() => void)[] = [];
    gateway.upstream.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
        steps.push(() => void socket.write(`${event.length.toString(16)}\r\n${event}\r\n`));
      }
    };
    const socket = connection(gateway.port, GET);
    expect(await until(socket, '\r\n\r\n')).toContain('content-type: text/event-stream');
    for (const [index, step] of steps.entries()) {
      step();
      expect(await until(socket, '\n\n')).toContain(`data: ${index + 1}`);
    }
    socket.destroy();
    await gateway.upstream.disconnected;
  });

  it('has header fields set and removed as the route says, both ways', async () => {
    gateway = await testGateway({
      routes: (url) => [
        {
          name: 'a',
          match: { path: '/*' },
          transform: {
            request: { set: { 'X-From': 'gateway', Authorization: 'Basic dXA6c3RyZWFt' }, remove: ['Cookie'] },
            response: { set: { 'X-Frame-Options': 'DENY' }, remove: ['Server'] },
          },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    gateway.upstream.answer = answerWith(
      'HTTP/1.1 200 OK\r\nServer: x/1\r\nX-Frame-Options: ALLOWALL\r\nContent-Length: 0\r\n\r\n',
    );
    const { head } = await gateway.get('/', [AUTH, 'cookie: a=1', 'x-from: client']);
    const [request = ''] = gateway.upstream.requests;
    expect(request).toContain('\r\nX-From: gateway\r\nAuthorization: Basic dXA6c3RyZWFt\r\n');
    expect(request).not.toMatch(/cookie|client\r/i);
    expect(head).toContain('\r\nX-Frame-Options: DENY\r\n');
    expect(head).not.toMatch(/server:|ALLOWALL/i);
  });
});

describe('a client that goes away', () => {
  it('while it waits: the upstream request is aborted, and recorded as closed by the client', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = () => {};
    const socket = connection(gateway.port, GET);
    await gateway.upstream.seen('GET /x');
    socket.destroy();
    await gateway.upstream.disconnected;
    await expect.poll(() => gateway.recorded).toEqual([{ door: 'gateway', route: 'all', status: 499, code: 'ok' }]);
    expect(gateway.upstreamFaults).toEqual([]);
  });

  it('inside its body: the upstream sees an aborted request, never a whole one', async () => {
    gateway = await testGateway();
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const body = framing.startsWith('C') ? 'hello' : '5\r\nhello\r\n';
      const socket = connection(gateway.port, `POST /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, framing)}${body}`);
      await gateway.upstream.seen(framing.startsWith('C') ? '\r\n\r\nhello' : '5\r\nhello');
      socket.destroy();
      await expect.poll(() => gateway.recorded.map(({ status }) => status)).toContain(499);
    }
    await gateway.upstream.disconnected;
    expect(gateway.upstream.requests).toEqual([]);
    expect(gateway.faults).toEqual([]);
  });

  it('with an orderly end inside its body hears 400', async () => {
    gateway = await testGateway();
    const socket = connection(
      gateway.port,
      `POST /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, 'Content-Length: 10')}hello`,
    );
    socket.end();
    expect((await answerOf(hear(socket))).status).toBe(400);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('falls silent inside its body: 408, and the upstream request is aborted', async () => {
    gateway = await testGateway({ uploadStallMs: 200 });
    const { status, body, head } = await gateway.raw(
      `POST /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, 'Content-Length: 10')}hello`,
    );
    expect([status, JSON.parse(body).code]).toEqual([408, 'request_timeout']);
    expect(head).toContain('\r\nConnection: close');
    await gateway.upstream.disconnected;
    expect(gateway.upstream.requests).toEqual([]);
    await expect.poll(() => gateway.recorded.map(({ status }) => status)).toEqual([408]);
  });
});

describe('a client that reads nothing of its answer', () => {
  it('is cut, and the upstream gets its connection back', async () => {
    gateway = await testGateway({ uploadStallMs: 200 });
    const piece = 'x'.repeat(MIB);
    gateway.upstream.answer = (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', more);
      more();
    };
    const socket = connection(gateway.port, `GET /x HTTP/1.1\r\n${lines('Host: a.test', AUTH)}`);
    socket.pause().on('error', () => {});
    await gateway.upstream.disconnected;
    socket.destroy();
    await expect.poll(() => gateway.recorded.map(({ status }) => status)).toEqual([499]);
  });
});

describe('an upstream that answers before it has the whole body', () => {
  it('is heard by the client, and the connection serves the next request', async () => {
    gateway = await testGateway();
    const body = 'x'.repeat(600_000);
    const socket = connection(
      gateway.port,
      `POST /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, `Content-Length: ${body.length}`)}${body.slice(0, 1000)}`,
    );
    gateway.upstream.answer = answerWith('HTTP/1.1 204 No Content\r\n\r\n');
    const early = until(socket, 'HTTP/1.1 413');
    await gateway.upstream
      .seen('POST /x')
      .then(() => gateway.upstream.answerNow('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'));
    await early;
    socket.write(body.slice(1000) + GET_AND_CLOSE);
    expect((await hear(socket)).text).toContain('HTTP/1.1 204');
  });
});

describe('bodies of any size', () => {
  it('pass both ways, 64 MiB each, in little memory', async () => {
    const size = 64 * MIB;
    const piece = new Uint8Array(64 * 1024).fill(7);
    const upstream = await listening((request, response) => {
      let received = 0;
      request.on('data', (chunk: Uint8Array) => {
        received += chunk.length;
      });
      const send = async (): Promise<void> => {
        response.writeHead(200, { 'X-Received': received });
        for (let sent = 0; sent < size; sent += piece.length) {
          if (!response.write(piece)) await once(response, 'drain');
        }
        response.end();
      };
      request.on('end', () => void send());
    });
    gateway = await testGateway({
      routes: () => [
        { name: 'big', match: { path: '/*' }, upstream: { targets: [{ url: upstream.origin, weight: 1 }] } },
      ],
    });
    const transfer = async (): Promise<void> => {
      const headers = { host: 'a.test', 'x-api-key': TOKEN, 'content-length': size };
      const upload = httpRequest({ port: gateway.port, method: 'PUT', path: '/big', headers });
      const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
      for (let sent = 0; sent < size; sent += piece.length) if (!upload.write(piece)) await once(upload, 'drain');
      upload.end();
      const [response] = await answered;
      let received = 0;
      for await (const chunk of response) received += (chunk as Uint8Array).length;
      expect(response.headers['x-received']).toBe(String(size));
      expect(received).toBe(size);
    };
    await transfer();
    const warm = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - warm);
    }, 10);
    await transfer();
    clearInterval(watch);
    // Less than one body, of which two pass; what is there is garbage that nobody has collected yet.
    expect(most).toBeLessThan(56 * MIB);
    await upstream.close();
  });

  it('are read no faster than the other side takes them', async () => {
    let sent = 0;
    const full = Promise.withResolvers<void>();
    const upstream = await listening((_request, response) => {
      const more = (): void => {
        while (sent < 256 * MIB) {
          sent += MIB;
          if (!response.write(new Uint8Array(MIB))) break;
        }
      };
      response.on('drain', more);
      more();
      full.resolve();
    });
    gateway = await testGateway({
      routes: () => [
        { name: 'big', match: { path: '/*' }, upstream: { targets: [{ url: upstream.origin, weight: 1 }] } },
      ],
    });
    const socket = connection(gateway.port, GET);
    await once(socket, 'readable');
    await full.promise;
    await settled(() => sent);
    expect(sent).toBeLessThan(MOST);
    socket.destroy();
    await upstream.close();
  });

  it('are taken from the client no faster than the upstream reads them', async () => {
    gateway = await testGateway();
    gateway.upstream.stopReading();
    const socket = connection(
      gateway.port,
      `PUT /x HTTP/1.1\r\n${lines('Host: a.test', AUTH, `Content-Length: ${256 * MIB}`)}`,
    );
    const pour = (): void => {
      while (socket.bytesWritten < 256 * MIB && socket.write(new Uint8Array(MIB)));
    };
    socket.on('drain', pour);
    pour();
    await settled(() => socket.bytesWritten);
    expect(socket.bytesWritten).toBeLessThan(MOST);
    socket.destroy();
  });
});

/** Resolves when a figure has stayed the same for a while: nothing more is coming. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 5; same = figure() === last ? same + 1 : 0) {
    last = figure();
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

async function listening(handler: RequestListener) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
