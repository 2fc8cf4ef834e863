/** Bodies pass through the gateway at the pace of the slower side, and its memory does not grow with them. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const MIB = 1_048_576;
const PIECE = Buffer.alloc(MIB, 'x');
const MOST_GROWTH = 64 * MIB;
/** A loaded machine moves some 100 MB a second through three processes. */
const PATIENCE_MS = 240_000;

/** How a side takes or gives its bytes: as fast as it can, or with a pause after each MiB. */
type Pace = 'fast' | 'slow';
const PAUSE_MS = 5;

describe('a body that passes through the gateway', { timeout: PATIENCE_MS }, () => {
  let server: Server;
  let upstream: NetServer;
  let token: string;
  /** How the upstream behaves for the next request, and what it received. */
  const behaviour = { answerBytes: 0, pace: 'fast' as Pace, received: 0 };

  beforeAll(async () => {
    upstream = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      void serve(socket, behaviour);
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    server = await startServer({
      config: `routes: [{ name: all, match: { path: /* }, upstream: "${origin}" }]\n`,
    });
    ({ token } = await caller(server, server.rootToken).mint());
    usual = await peakDuring(async () => {
      // Many small ones: a body that is held whole must not pass for what is usual.
      for (let round = 0; round < 8; round += 1) {
        await upload(16 * MIB, 'fast', 'fast');
        await download(16 * MIB, 'fast', 'fast');
      }
    });
  }, STARTS_MS + PATIENCE_MS);
  afterAll(async () => {
    upstream.close();
    await endServers();
  });

  const open = (): Socket => connect(Number(new URL(server.gateway).port), '127.0.0.1');

  /** The most memory that the server has while the work goes on. */
  const peakDuring = async (work: () => Promise<void>): Promise<number> => {
    const state = { over: false };
    const watch = (async (): Promise<number> => {
      let most = 0;
      while (!state.over) {
        most = Math.max(most, await metric(server, 'process_resident_memory_bytes'));
        await delay(100);
      }
      return most;
    })();
    await work().finally(() => {
      state.over = true;
    });
    return watch;
  };

  const upload = async (size: number, pace: Pace, upstreamPace: Pace): Promise<void> => {
    Object.assign(behaviour, { answerBytes: 0, pace: upstreamPace, received: 0 });
    const socket = open();
    socket.write(`PUT /x HTTP/1.1\r\nHost: a\r\nX-API-Key: ${token}\r\nContent-Length: ${size}\r\n\r\n`);
    const answered = once(socket, 'data') as Promise<[Buffer]>;
    await pour(socket, size, pace);
    expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 200 /);
    expect(behaviour.received).toBe(size);
    socket.destroy();
  };

  const download = async (size: number, pace: Pace, upstreamPace: Pace): Promise<void> => {
    Object.assign(behaviour, { answerBytes: size, pace: upstreamPace });
    const socket = open();
    socket.write(`GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: ${token}\r\nConnection: close\r\n\r\n`);
    let received = 0;
    let sincePause = 0;
    for await (const bytes of socket) {
      const { length } = bytes as Buffer;
      received += length;
      sincePause += length;
      if (pace === 'fast' || sincePause < MIB) continue;
      sincePause = 0;
      await delay(PAUSE_MS);
    }
    expect(received).toBeGreaterThan(size);
    expect(received).toBeLessThan(size + 1024);
  };

  /** What the process has while it moves bytes at all, with what waits for the garbage collector. */
  let usual: number;

  const cases = [
    ['up, 1 GiB', upload, 1024, 'fast', 'fast'],
    ['down, 1 GiB', download, 1024, 'fast', 'fast'],
    ['up to a slow upstream', upload, 192, 'fast', 'slow'],
    ['up from a slow client', upload, 64, 'slow', 'fast'],
    ['down to a slow client', download, 192, 'slow', 'fast'],
    ['down from a slow upstream', download, 64, 'fast', 'slow'],
  ] as const;
  it.each(cases)('%s: the memory stays flat', async (_name, pass, mebibytes, pace, upstreamPace) => {
    const peak = await peakDuring(() => pass(mebibytes * MIB, pace, upstreamPace));
    expect(peak - usual).toBeLessThan(MOST_GROWTH);
  });
});

/** Takes one request to its end, then answers. */
async function serve(socket: Socket, behaviour: { answerBytes: number; pace: Pace; received: number }): Promise<void> {
  let head = '';
  let expected = -1;
  let sincePause = 0;
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) {
    const chunk = bytes as Buffer;
    let body = chunk.length;
    if (expected < 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      expected = Number(/\r\ncontent-length: ([0-9]+)/i.exec(head)?.[1] ?? 0);
      body = head.length - end - 4;
    }
    behaviour.received += body;
    sincePause += body;
    if (behaviour.received >= expected) break;
    if (behaviour.pace === 'fast' || sincePause < MIB) continue;
    sincePause = 0;
    await delay(PAUSE_MS);
  }
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${behaviour.answerBytes}\r\nConnection: close\r\n\r\n`);
  await pour(socket, behaviour.answerBytes, behaviour.pace);
  socket.end();
}

async function pour(socket: Socket, size: number, pace: Pace): Promise<void> {
  for (let left = size; left > 0 && !socket.destroyed; left -= MIB) {
    if (!socket.write(PIECE)) await once(socket, 'drain');
    if (pace === 'slow') await delay(PAUSE_MS);
  }
}
