import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerOf, connection, exchange, hear, until } from './support/raw-client.ts';
import { answerWith, valuesOf } from './support/recording-upstream.ts';
import { acceptance, accepting, frame, handshake, KEY } from './support/websocket.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;
const MIB = 1_048_576;
/** What the systems and we hold between the two sides, at most; of 256 MiB. */
const MOST = 128 * MIB;
const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');

let gateway: TestGateway;
afterEach(() => gateway.close());

describe('a WebSocket', () => {
  it('passes its handshake with our identity fields, and then every byte both ways', async () => {
    gateway = await testGateway();
    const greeting = frame(2, EVERY_BYTE);
    gateway.upstream.answer = (request, socket) =>
      void socket.write(
        acceptance(request, 'Sec-WebSocket-Protocol: chat', 'Keep-Alive: timeout=9', 'X-Latin: caf\xe9') + greeting,
        'latin1',
      );
    const offers = ['Sec-WebSocket-Protocol: chat, v2', 'Sec-WebSocket-Extensions: permessage-deflate'];
    // Sent in one piece: what stands behind the handshake is not waited for, and not lost.
    const socket = connection(
      gateway.port,
      handshake([AUTH, 'Origin: https://elsewhere.test', 'X-Tessera-Owner: evil', ...offers]) + EVERY_BYTE,
    );
    const heard = await until(socket, greeting);
    expect(heard).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    expect(heard).toContain('\r\nsec-websocket-protocol: chat\r\nx-latin: caf\xe9\r\nX-Request-Id: ');
    expect(heard).not.toMatch(/keep-alive/i);
    expect(heard.match(/\r\n(?:connection|upgrade):/gi)).toHaveLength(2);
    const seen = await gateway.upstream.seen(EVERY_BYTE);
    const [request = ''] = gateway.upstream.requests;
    expect(seen.slice(request.length)).toBe(EVERY_BYTE);
    expect(valuesOf(request, 'connection')).toEqual(['upgrade']);
    expect(valuesOf(request, 'upgrade')).toEqual(['websocket']);
    expect(valuesOf(request, 'sec-websocket-key')).toEqual([KEY]);
    expect(valuesOf(request, 'sec-websocket-version')).toEqual(['13']);
    expect(valuesOf(request, 'sec-websocket-protocol')).toEqual(['chat, v2']);
    expect(valuesOf(request, 'sec-websocket-extensions')).toEqual(['permessage-deflate']);
    expect(valuesOf(request, 'origin')).toEqual(['https://elsewhere.test']);
    expect(valuesOf(request, 'x-tessera-owner')).toEqual(['own_1']);
    expect(valuesOf(request, 'authorization')).toEqual([]);
    socket.write('more');
    await gateway.upstream.seen(`${EVERY_BYTE}more`);
    gateway.upstream.answerNow(frame(1, 'answer'));
    await until(socket, frame(1, 'answer'));
    socket.destroy();
    await gateway.upstream.disconnected;
    await expect.poll(() => gateway.recorded).toEqual([{ door: 'gateway', route: 'all', status: 101, code: 'ok' }]);
    expect(gateway.faults).toEqual([]);
  });

  const refused: readonly (readonly [string, number, string, string])[] = [
    ['without a token', 401, 'missing', handshake([])],
    ['with another version', 426, 'websocket_version', handshake([AUTH]).replace('Version: 13', 'Version: 8')],
    ['without a version', 426, 'websocket_version', handshake([AUTH]).replace('Sec-WebSocket-Version: 13\r\n', '')],
    ['with a key of 15 bytes', 400, 'invalid_request', handshake([AUTH]).replace(KEY, 'AAAAAAAAAAAAAAAAAAAA')],
    ['with a key that is not canonical', 400, 'invalid_request', handshake([AUTH]).replace('ZQ==', 'ZR==')],
    ['with two keys', 400, 'invalid_request', handshake([AUTH, `Sec-WebSocket-Key: ${KEY}`])],
    ['with a body', 400, 'invalid_request', `${handshake([AUTH, 'Content-Length: 5'])}hello`],
    ['with a chunked body', 400, 'invalid_request', `${handshake([AUTH, 'Transfer-Encoding: chunked'])}0\r\n\r\n`],
    ['by POST', 501, 'upgrade_unsupported', handshake([AUTH]).replace('GET', 'POST')],
    ['in HTTP/1.0', 501, 'upgrade_unsupported', handshake([AUTH]).replace('HTTP/1.1', 'HTTP/1.0')],
    ['among other offers', 501, 'upgrade_unsupported', handshake([AUTH]).replace('websocket\r', 'websocket, h2c\r')],
    ['that Connection does not name', 501, 'upgrade_unsupported', handshake([AUTH]).replace(': Upgrade', ': close')],
    ['to a path that is ambiguous', 400, 'invalid_request', handshake([AUTH], '/a/..%2fws')],
  ];
  it.each(refused)('%s is refused before any upstream hears of it', async (_name, status, code, bytes) => {
    gateway = await testGateway();
    const socket = connection(gateway.port, bytes.replace('Connection: Upgrade', 'Connection: Upgrade, close'));
    const answer = await answerOf(hear(socket));
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
    expect(answer.head).toMatch(/\r\nConnection: close/i);
    if (status === 426) expect(answer.head).toContain('\r\nSec-WebSocket-Version: 13\r\n');
    expect(gateway.upstream.bytes()).toBe('');
    expect(gateway.faults).toEqual([]);
  });

  it.each([200, 403])('that the upstream answers with %i is answered so, and is no tunnel', async (code) => {
    gateway = await testGateway();
    gateway.upstream.answer = answerWith(
      `HTTP/1.1 ${code} X\r\nUpgrade: websocket\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n`,
      '5\r\nhello\r\n0\r\n\r\n',
    );
    const { status, head, body, end } = await answerOf(
      exchange(gateway.port, `${handshake([AUTH])}GET /smuggled HTTP/1.1\r\n${lines('Host: a.test', AUTH)}`),
    );
    expect([status, body, end]).toEqual([code, '5\r\nhello\r\n0\r\n\r\n', 'clean']);
    expect(head).toMatch(/\r\nConnection: close/);
    expect(head).not.toMatch(/upgrade/i);
    expect(gateway.upstream.bytes()).not.toContain('smuggled');
    expect(gateway.recorded).toEqual([{ door: 'gateway', route: 'all', status: code, code: 'ok' }]);
  });

  const wrong: readonly (readonly [string, (request: string) => string])[] = [
    ['the accept of another key', () => acceptance('')],
    ['no accept', (request) => acceptance(request).replace(/Sec-WebSocket-Accept.*\r\n/, '')],
    ['another protocol', (request) => acceptance(request).replace('Upgrade: websocket', 'Upgrade: other')],
    ['no protocol', (request) => acceptance(request).replace('Upgrade: websocket\r\n', '')],
    [
      'an Upgrade that Connection does not name',
      (request) => acceptance(request).replace('Connection: Upgrade\r\n', ''),
    ],
  ];
  it.each(wrong)('is 502 where the upstream switches with %s', async (_name, answer) => {
    gateway = await testGateway();
    gateway.upstream.answer = (request, socket) => void socket.write(answer(request));
    const { status, body } = await answerOf(exchange(gateway.port, `${handshake([AUTH])}frames`));
    expect([status, JSON.parse(body).code]).toEqual([502, 'upstream_failed']);
    await gateway.upstream.disconnected;
    expect(gateway.upstream.bytes()).not.toContain('frames');
    expect(gateway.upstreamFaults).toHaveLength(1);
  });

  it('that nobody asked for is no answer', async () => {
    gateway = await testGateway();
    for (const answer of [accepting('x'), answerWith('HTTP/1.1 101 Switching Protocols\r\n\r\n')]) {
      gateway.upstream.answer = answer;
      expect((await gateway.get('/')).status).toBe(502);
    }
  });

  it('is not begun behind a request that is not answered yet', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = () => {};
    const get = `GET /first HTTP/1.1\r\n${lines('Host: a.test', AUTH)}`;
    const socket = connection(gateway.port, get + handshake([AUTH, 'Connection: close']));
    await gateway.upstream.seen('GET /first');
    gateway.upstream.answerNow('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    const { text } = await hear(socket);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 501']);
    expect(gateway.upstream.bytes()).not.toContain('/ws');
  });
});

describe('the two sides of a tunnel', () => {
  const opened = async () => {
    gateway.upstream.answer = accepting();
    const socket = connection(gateway.port, handshake([AUTH]));
    await until(socket, '\r\n\r\n');
    return socket;
  };

  it('end together, and what either said last arrives', async () => {
    gateway = await testGateway();
    const leaving = await opened();
    leaving.end('bye');
    await gateway.upstream.seen('bye');
    await gateway.upstream.disconnected;
    gateway.upstream.answer = (request, socket) =>
      void socket.end(acceptance(request) + frame(8, '\x03\xe8'), 'latin1');
    const { text, end } = await exchange(gateway.port, handshake([AUTH]));
    expect([text.endsWith(frame(8, '\x03\xe8')), end]).toEqual([true, 'clean']);
    gateway.upstream.answer = (request, socket) =>
      void socket.write(acceptance(request), () => socket.resetAndDestroy());
    await exchange(gateway.port, handshake([AUTH]));
    await expect.poll(() => gateway.recorded.map(({ status }) => status)).toEqual([101, 101, 101]);
    expect(gateway.faults).toEqual([]);
  });

  it('are closed after a long silence of both', async () => {
    gateway = await testGateway({ tunnelIdleMs: 900 });
    const socket = await opened();
    for (let at = 0; at < 5; at++) {
      gateway.upstream.answerNow(`still ${at}`);
      await until(socket, `still ${at}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await once(socket, 'close');
    await gateway.upstream.disconnected;
  });

  it('are closed at the end of the grace of a stop', async () => {
    gateway = await testGateway();
    const socket = await opened();
    const closed = once(socket, 'close');
    await gateway.close();
    expect(gateway.recorded.map(({ status }) => status)).toEqual([101]);
    await closed;
  });

  it('are read no faster than the other takes it', async () => {
    gateway = await testGateway();
    let poured = 0;
    gateway.upstream.answer = (request, socket) => {
      socket.write(acceptance(request));
      const piece = new Uint8Array(MIB);
      const pour = (): void => {
        while (poured < 256 * MIB && !socket.destroyed) {
          poured += MIB;
          if (!socket.write(piece)) break;
        }
      };
      socket.on('drain', pour);
      pour();
    };
    const reader = connection(gateway.port, handshake([AUTH]));
    await once(reader, 'readable');
    await settled(() => poured);
    expect(poured).toBeLessThan(MOST);
    reader.destroy();
    await gateway.upstream.disconnected;

    gateway.upstream.answer = (request, socket) => {
      socket.pause();
      socket.write(acceptance(request));
    };
    const writer = connection(gateway.port, handshake([AUTH]));
    await until(writer, '\r\n\r\n');
    const pour = (): void => {
      while (writer.bytesWritten < 256 * MIB && writer.write(new Uint8Array(MIB)));
    };
    writer.on('drain', pour).on('error', () => {});
    pour();
    await settled(() => writer.bytesWritten);
    expect(writer.bytesWritten).toBeLessThan(MOST);
    writer.destroy();
  });
});

/** Resolves when a figure has stayed the same for a while: nothing more is coming. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 5; same = figure() === last ? same + 1 : 0) {
    last = figure();
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
