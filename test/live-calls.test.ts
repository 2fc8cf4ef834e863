/** What lasts is over when its token is: a WebSocket and a stream of events end within the promised time, on every node. */
import { once } from 'node:events';
import { WebSocket } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type RecordingUpstream,
  recordingUpstream,
} from '../packages/server/test/gateway/support/recording-upstream.ts';
import { acceptance, frame } from '../packages/server/test/gateway/support/websocket.ts';
import { type Caller, caller } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

/** The promise for every node. That for one that hears of changes is a second, which a busy machine may need for itself. */
const PROMISED_MS = 5000;

describe('a call that lasts longer than its token', () => {
  let servers: readonly [Server, Server];
  let upstream: RecordingUpstream;
  let admin: Caller;
  beforeAll(async () => {
    upstream = await recordingUpstream();
    const config = `routes: [{ name: all, match: { path: /* }, upstream: "${upstream.origin}" }]\n`;
    const first = await startServer({ config });
    const second = await startServer({ data: first.data, rootToken: first.rootToken, config });
    servers = [first, second];
    admin = caller(first, first.rootToken);
  }, STARTS_MS);
  afterAll(async () => {
    await upstream.close();
    await endServers();
  });

  /** Answers the next request so; resolves when the upstream's connection has closed. */
  const answering = (answer: (request: string) => string): Promise<unknown> =>
    new Promise((resolve) => {
      upstream.answer = (request, socket) => {
        socket.write(answer(request), 'latin1');
        resolve(once(socket, 'close'));
      };
    });

  it.each([0, 1] as const)(
    'a WebSocket through node %i gets a Close with 1008, and its upstream is let go',
    async (node) => {
      const released = answering((request) => acceptance(request) + frame(1, 'welcome'));
      const { id, token } = await admin.mint();
      const { gateway } = servers[node];
      const socket = new WebSocket(`${gateway.replace('http', 'ws')}/chat`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      const welcome = await new Promise((resolve, reject) => {
        socket.onmessage = ({ data }) => resolve(data);
        socket.onerror = reject;
      });
      expect(welcome).toBe('welcome');
      const closed = new Promise<{ code: number; reason: string }>((resolve) => {
        socket.onclose = resolve;
      });
      const told = performance.now();
      await admin.do('tokens.revoke', { id });
      const { code, reason } = await closed;
      expect(performance.now() - told).toBeLessThan(PROMISED_MS);
      expect([code, reason]).toEqual([1008, 'the token is no longer valid']);
      await released;
    },
  );

  it.each([0, 1] as const)('a stream of events through node %i is cut, never ended', async (node) => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
    const released = answering(() => `${head}9\r\ndata: 1\n\n\r\n`);
    const { id, token } = await admin.mint();
    const server = servers[node];
    const response = await fetch(`${server.gateway}/events`, { headers: { 'X-API-Key': token } });
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 1\n\n');
    await expect.poll(() => metric(server, 'tessera_live_calls'), { timeout: 10_000 }).toBe(1);
    const told = performance.now();
    await admin.do('tokens.update', { id, body: { enabled: false } });
    await expect(reader?.read()).rejects.toThrow();
    expect(performance.now() - told).toBeLessThan(PROMISED_MS);
    await released;
    expect(await metric(server, 'tessera_live_calls_cut_total{result="disabled"}')).toBe(1);
    await expect.poll(() => metric(server, 'tessera_live_calls'), { timeout: 10_000 }).toBe(0);
  });
});
