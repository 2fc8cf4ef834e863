/** Checks take a target out before a client's request finds out, and put it back; they carry nothing and follow nothing. */
import { afterEach, describe, expect, it } from 'vitest';
import type { HealthConfig } from '../../src/core/compiled-upstream.ts';
import { type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerWith, OK, type RecordingUpstream, recordingUpstream } from './support/recording-upstream.ts';
import { refusing } from './support/unreachable.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function started(): Promise<RecordingUpstream> {
  const upstream = await recordingUpstream();
  ends.push(() => upstream.close());
  return upstream;
}

const EVERY: HealthConfig = { path: '/health?deep=1', interval: 0.02, timeout: 5 };
const BAD = answerWith('HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n');

interface Watched extends TestGateway {
  /** `up` and `down`, with the reason told. */
  readonly changes: string[];
}

async function watching(origins: readonly string[], health: Partial<HealthConfig> = {}): Promise<Watched> {
  const changes: string[] = [];
  const gateway = await testGateway({
    routes: () => [
      {
        name: 'all',
        match: { path: '/*' },
        upstream: { targets: origins.map((url) => ({ url })), health: { ...EVERY, ...health } },
      },
    ],
    upstreamOptions: {
      events: {
        serviceChanged() {},
        healthChanged: ({ healthy, reason }) => changes.push(`${healthy ? 'up' : 'down'}: ${reason}`),
      },
    },
  });
  ends.push(() => gateway.close());
  return Object.assign(gateway, { changes });
}

const checks = ({ requests }: RecordingUpstream): string[] => requests.filter((text) => text.startsWith('GET /health'));

describe('a target', () => {
  it('is out after three bad answers and in after two good ones, and each change is told once', async () => {
    const [a, b] = [await started(), await started()];
    const gateway = await watching([a.origin, b.origin]);
    a.answer = BAD;
    await expect.poll(() => gateway.changes).toEqual(['down: answered 503']);
    expect(gateway.pools.status()).toEqual([
      { upstream: 'all', target: a.origin, healthy: false },
      { upstream: 'all', target: b.origin, healthy: true },
    ]);
    const before = b.requests.filter((text) => text.startsWith('GET /x')).length;
    for (let at = 0; at < 4; at += 1) expect((await gateway.get('/x')).status).toBe(200);
    expect(b.requests.filter((text) => text.startsWith('GET /x')).length - before).toBe(4);
    const seen = checks(a).length;
    a.answer = OK;
    await expect.poll(() => gateway.changes).toEqual(['down: answered 503', 'up: answered 200']);
    expect(checks(a).length - seen).toBeGreaterThanOrEqual(2);
    // It comes back with a tenth of its weight.
    const used = async (): Promise<boolean> => {
      await gateway.get('/y');
      return a.requests.some((text) => text.startsWith('GET /y'));
    };
    await expect.poll(used).toBe(true);
  });

  it('stays in where bad answers are not in a row', async () => {
    const a = await started();
    let turn = 0;
    a.answer = (request, socket) => {
      turn += 1;
      (turn % 3 === 0 ? OK : BAD)(request, socket);
    };
    const gateway = await watching([a.origin]);
    await expect.poll(() => checks(a).length).toBeGreaterThan(12);
    expect(gateway.changes).toEqual([]);
  });

  it.each([
    ['a silent one', (() => {}) as RecordingUpstream['answer'], 'down: no answer within 50 ms'],
    [
      'a redirect',
      answerWith('HTTP/1.1 302 X\r\nLocation: /healthy\r\nContent-Length: 0\r\n\r\n'),
      'down: answered 302',
    ],
    [
      'a reset',
      ((_request, socket) => void socket.destroy()) as RecordingUpstream['answer'],
      'down: other side closed',
    ],
  ])('is out by %s', async (_name, answer, change) => {
    const a = await started();
    a.answer = answer;
    const gateway = await watching([a.origin], { timeout: change.includes('50 ms') ? 0.05 : 5 });
    await expect.poll(() => gateway.changes).toEqual([change]);
    expect(a.requests.join('')).not.toContain('/healthy');
    a.answerNow('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  });

  it('is out where nobody listens, and where no target is left the client hears it at once', async () => {
    const gateway = await watching([await refusing()], { interval: 30, unhealthy: 1, timeout: 5 });
    await expect.poll(() => gateway.changes.length).toBe(1);
    const { status, head, body } = await gateway.get('/');
    expect([status, JSON.parse(body).code]).toEqual([503, 'upstream_unavailable']);
    expect(head).toContain('\r\nRetry-After: 30\r\n');
  });

  it('is judged by the statuses that are configured', async () => {
    const a = await started();
    a.answer = answerWith('HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n');
    const gateway = await watching([a.origin], { status: [401] });
    await expect.poll(() => checks(a).length).toBeGreaterThan(4);
    expect(gateway.changes).toEqual([]);
  });
});

describe('a check', () => {
  it('is a plain GET on a connection of its own, with the Host of the target and without any credential', async () => {
    const a = await started();
    await watching([a.origin], { interval: 30, timeout: 5 });
    await expect
      .poll(() => checks(a))
      .toEqual([
        `GET /health?deep=1 HTTP/1.1\r\nhost: ${a.authority}\r\nconnection: keep-alive\r\nUser-Agent: Tessera-Health-Check\r\n\r\n`,
      ]);
    expect(a.bytes()).not.toContain(TOKEN);
  });

  it('is made once for all routes to the same place, and no longer than a route names it', async () => {
    const a = await started();
    const upstream = { targets: [{ url: a.origin }], health: { path: '/health', interval: 30 } };
    const gateway = await testGateway({
      routes: () => ['/a', '/b', '/c'].map((path) => ({ name: path.slice(1), match: { path }, upstream })),
    });
    ends.push(() => gateway.close());
    for (const path of ['/a', '/b', '/c']) expect((await gateway.get(path)).status).toBe(200);
    await expect.poll(() => checks(a).length).toBe(1);
    const often = await watching([a.origin]);
    await expect.poll(() => checks(a).length).toBeGreaterThan(3);
    often.pools.follow([]);
    await expect
      .poll(async () => {
        const before = checks(a).length;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return checks(a).length - before;
      })
      .toBe(0);
  });

  it('reads no body: an endless one costs nothing', async () => {
    const a = await started();
    let sent = 0;
    a.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece)) sent += piece.length;
      };
      socket.on('drain', more);
      more();
    };
    await watching([a.origin], { interval: 30, timeout: 5 });
    await a.disconnected;
    expect(sent).toBeLessThan(50_000_000);
  });
});
