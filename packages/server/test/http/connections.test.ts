/** What a listener bears of connections: so many of them, and none whose peer does not read. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { listen } from '../../src/http/listen.ts';
import type { Handler, Listener, ListenLimits } from '../../src/http/listen-options.ts';
import { answerOf, connection, exchange, hear, until } from '../gateway/support/raw-client.ts';

let listener: Listener;
let crowded = 0;
const start = async (handler: Handler, limits: Partial<ListenLimits>): Promise<number> => {
  crowded = 0;
  listener = await listen({
    handler,
    host: '127.0.0.1',
    port: 0,
    onError: (error) => expect.fail(String(error)),
    onCrowded: () => {
      crowded += 1;
    },
    limits: { checkEveryMs: 20, ...limits },
  });
  return listener.port;
};
afterEach(() => listener.close(0));

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const MEBIBYTE = Buffer.alloc(1_048_576, 'x');
/** More than the system takes from us at once, so that the reader sets the pace. */
const PIECES = 200;
const PIECE = Buffer.alloc(65_536, 'x');
/** Reading all of them takes longer; on a busy machine the system lets a slow reader's side rest for long. */
const UNREAD_MS = 1_500;

describe('a connection whose peer does not read', () => {
  const endless: Handler = (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(MEBIBYTE));
    };
    response.on('drain', more);
    more();
  };

  it('is cut, and what waits for it let go', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await start(
      (request, response) => {
        response.once('close', () => closed.resolve());
        return endless(request, response);
      },
      { unreadTimeoutMs: 300 },
    );
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.pause();
    socket.write(GET);
    await closed.promise;
    expect(await unreadEnd(socket)).toBe('over');
  });

  it('is cut also where its request asked for another protocol, and was answered all the same', async () => {
    const closed = Promise.withResolvers<void>();
    listener = await listen({
      handler: (_request, response) => {
        response.once('close', () => closed.resolve());
        response.end(Buffer.alloc(64 * 1_048_576, 'x'));
      },
      mayUpgrade: () => true,
      host: '127.0.0.1',
      port: 0,
      onError: (error) => expect.fail(String(error)),
      limits: { unreadTimeoutMs: 300 },
    });
    const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
    socket.pause();
    socket.write(GET.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'));
    await closed.promise;
    expect(await unreadEnd(socket)).toBe('over');
  });

  it('is not confused with one that reads slowly, or with one that has nothing to read', async () => {
    let answers = 0;
    const port = await start(
      (request, response) => {
        if (request.url === '/silent') return void response.writeHead(200).flushHeaders();
        response.once('finish', () => {
          answers += 1;
        });
        for (let piece = 0; piece < PIECES; piece += 1) response.write(PIECE);
        response.end();
      },
      { unreadTimeoutMs: UNREAD_MS },
    );
    const silent = connection(port, 'GET /silent HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(silent, '200 OK');
    const slow = connect(port, '127.0.0.1');
    slow.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    let taken = 0;
    const began = performance.now();
    for await (const chunk of slow.setEncoding('latin1')) {
      taken += String(chunk).length;
      await delay(12);
    }
    expect(taken).toBeGreaterThan(PIECES * PIECE.length);
    expect(answers).toBe(1);
    // Longer than a peer that takes nothing would be borne.
    expect(performance.now() - began).toBeGreaterThan(UNREAD_MS);
    expect(silent.destroyed).toBe(false);
    silent.destroy();
  });
});

describe('a connection without a request', () => {
  it('is closed when the time of keep-alive is over', async () => {
    const port = await start((_request, response) => void response.end('ok'), { keepAliveTimeoutMs: 200 });
    const socket = connection(port, GET);
    await until(socket, 'ok');
    expect((await hear(socket)).end).toBe('clean');
  });
});

describe('a connection that changed its protocol', () => {
  it('may be silent for as long as the new one allows', async () => {
    const changed = Promise.withResolvers<Socket>();
    listener = await listen({
      handler: (_request, _response, socket) => {
        socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
        if (socket !== undefined) changed.resolve(socket);
      },
      mayUpgrade: () => true,
      host: '127.0.0.1',
      port: 0,
      onError: (error) => expect.fail(String(error)),
      limits: { checkEveryMs: 20, unreadTimeoutMs: 100, keepAliveTimeoutMs: 100 },
    });
    const client = connection(
      listener.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    await until(client, '101');
    const ours = await changed.promise;
    await delay(400);
    const heard = until(client, 'still here');
    ours.write('still here');
    await heard;
    client.destroy();
  });
});

describe('more connections than a listener bears', () => {
  it('are closed at once and counted, and those that are there go on', async () => {
    const port = await start((_request, response) => void response.end('ok'), { maxConnections: 2 });
    const kept = [connection(port, GET), connection(port, GET)];
    await Promise.all(kept.map((socket) => until(socket, 'ok')));
    expect((await hear(connection(port, GET))).text).toBe('');
    expect(crowded).toBe(1);
    for (const socket of kept) {
      socket.write(GET);
      await until(socket, 'ok');
    }
    const left = once(kept[0] as Socket, 'close');
    kept[0]?.end();
    await left;
    const { status } = await answerOf(exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
    expect(status).toBe(200);
    kept[1]?.destroy();
  });
});

/** Reads what is left, so that the end of a connection shows. */
async function unreadEnd(socket: Socket): Promise<'over'> {
  const over = once(socket, 'close');
  socket.resume();
  await over;
  return 'over';
}
