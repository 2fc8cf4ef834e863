import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Handler } from '../../src/http/listen-options.ts';
import { sendJson } from '../../src/http/send.ts';
import { hear, until } from '../gateway/support/raw-client.ts';
import { ask, NAME, type TestTls, type TestTlsOptions, tlsListener } from './support/tls-listener.ts';

let server: TestTls;
const start = async (handler: Handler, more: Partial<TestTlsOptions> = {}): Promise<TestTls> => {
  server = await tlsListener({ handler, ...more });
  return server;
};
afterEach(() => server.close());

const ok: Handler = (_request, response) => sendJson(response, 200, { ok: true }, { requestId: 'r' });
const get = (...fields: readonly string[]) => ['GET / HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n');

describe('TLS', () => {
  it('is 1.2 or newer, with forward secrecy and AEAD', async () => {
    await start(ok);
    const protocol = async (version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', ciphers?: string) => {
      const socket = await server.secure({
        minVersion: version,
        maxVersion: version,
        ...(ciphers !== undefined && { ciphers }),
      });
      const agreed = socket.getProtocol();
      socket.destroy();
      return agreed;
    };
    expect(await protocol('TLSv1.3')).toBe('TLSv1.3');
    expect(await protocol('TLSv1.2')).toBe('TLSv1.2');
    await expect(protocol('TLSv1.1', 'DEFAULT@SECLEVEL=0')).rejects.toThrow(/alert protocol version|unsupported/i);
    await expect(protocol('TLSv1.2', 'ECDHE-ECDSA-AES128-SHA256')).rejects.toThrow(/handshake failure/i);
    expect(server.refused.filter((reason) => reason === 'protocol')).toHaveLength(2);
  });

  it('cuts handshakes and header sections that come too slowly, and serves others meanwhile', async () => {
    await start(ok, { limits: { headersTimeoutMs: 1_500, checkEveryMs: 50 } });
    const mute = hear(connectTcp(server.port, '127.0.0.1'));
    const slow = await server.secure();
    slow.write('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    const cut = hear(slow);
    expect((await ask(server.session(), { ':path': '/' })).status).toBe(200);
    expect((await cut).text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect((await mute).text).toBe('');
    expect(server.refused).toEqual(['timeout']);
  });

  it('answers nothing to a client that speaks HTTP in clear', async () => {
    await start(ok);
    const socket = connectTcp(server.port, '127.0.0.1');
    socket.write(get());
    expect((await hear(socket)).text).not.toContain('HTTP/');
    expect(server.refused).toEqual(['protocol']);
  });

  it('bounds pipelining, idle connections and the end as in clear', async () => {
    await start(ok, { limits: { keepAliveTimeoutMs: 100 } });
    const socket = await server.secure();
    socket.write(get() + get('Connection: close'));
    expect((await hear(socket)).text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    const unused = hear(await server.secure());
    const kept = await server.secure();
    kept.write(get());
    await until(kept, '{"ok":true}');
    const idle = hear(kept);
    await server.listener.close(10_000);
    await Promise.all([idle, unused]);
  });
});

describe('a renewed certificate', () => {
  it('is used by every handshake from then on, without a lost request and with running answers going on', async () => {
    const streams: (() => void)[] = [];
    await start((incoming, response) => {
      if (incoming.url !== '/stream') return ok(incoming, response);
      response.writeHead(200, ['Content-Type', 'text/plain']);
      response.write('begun;');
      streams.push(() => response.end('ended'));
    });
    const olderStream = await server.secure();
    olderStream.write(get('Connection: close').replace('GET /', 'GET /stream'));
    await until(olderStream, 'begun;');
    const newerStream = ask(server.session(), { ':path': '/stream' });
    await expect.poll(() => streams.length).toBe(2);

    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    let asking = true;
    let answered = 0;
    const fresh = { agent: false as const };
    const once200 = (more: { readonly agent: Agent | false }): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request(
          { ...more, host: '127.0.0.1', port: server.port, servername: NAME, ca: server.authority.certificatePem },
          (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)),
        );
        sent.on('error', reject).end();
      });
    const loop = async (more: { readonly agent: Agent | false }): Promise<void> => {
      while (asking) {
        expect(await once200(more)).toBe(200);
        answered += 1;
      }
    };
    const loops = [loop({ agent }), loop({ agent }), loop(fresh), loop(fresh)];

    const served = async (): Promise<string> => {
      const socket = await server.secure();
      const serial = socket.getPeerX509Certificate()?.serialNumber ?? '';
      socket.destroy();
      return serial;
    };
    const serials = new Set([await served()]);
    for (let renewals = 0; renewals < 3; renewals += 1) {
      const next = server.authority.server([NAME]);
      server.listener.renew({ cert: next.certificatePem, key: next.keyPem });
      serials.add(await served());
      const before = answered;
      await expect.poll(() => answered).toBeGreaterThan(before + 10);
    }
    asking = false;
    await Promise.all(loops);
    agent.destroy();
    expect(serials.size).toBe(4);
    for (const end of streams) end();
    expect((await hear(olderStream)).text).toContain('ended');
    expect((await newerStream).body).toBe('begun;ended');
  });
});

describe('a session', () => {
  /** Whether a second handshake gets by with what the first one left. */
  const isResumed = async (): Promise<boolean> => {
    const { certificatePem: cert, keyPem: key } = server.authority.client('a');
    const first = await server.secure({ cert, key });
    const tickets: Buffer[] = [];
    first.on('session', (ticket) => void tickets.push(ticket));
    first.write(get('Connection: close'));
    await hear(first);
    const [session] = tickets;
    if (session === undefined) return false;
    const again = await server.secure({ session });
    const isReused = again.isSessionReused();
    again.destroy();
    return isReused;
  };

  it('is resumed, but not where clients present certificates: nobody is let in again unverified', async () => {
    await start(ok);
    expect(await isResumed()).toBe(true);
    await server.close();
    await start(ok, { clientCertificates: 'optional' });
    expect(await isResumed()).toBe(false);
  });
});

describe('handshakes', () => {
  it('with large certificates leave nothing behind', async () => {
    await start(ok, { clientCertificates: 'optional' });
    const { certificatePem: cert, keyPem: key } = server.authority.client('a', { padding: 10_000 });
    const many = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at += 1) {
        const socket = await server.secure({ cert, key });
        const closed = once(socket, 'close');
        socket.destroy();
        await closed;
      }
    };
    await many(100);
    const before = process.memoryUsage().rss;
    await many(400);
    expect((process.memoryUsage().rss - before) / 1_048_576).toBeLessThan(96);
    expect(server.refused.filter((reason) => reason !== 'aborted')).toEqual([]);
  });
});
