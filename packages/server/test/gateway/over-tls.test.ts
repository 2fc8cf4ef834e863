import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { answerOf, hear, until } from './support/raw-client.ts';
import { accepting, closeAtEnd, handshake } from './support/websocket.ts';

const NAME = 'tessera.test';
const authority = certificates();
const own = authority.server([NAME]);
afterAll(() => authority.remove());

let gateway: TestGateway;
afterEach(() => gateway.close());

const start = async (): Promise<void> => {
  const context = { cert: own.certificatePem, key: own.keyPem };
  gateway = await testGateway({ listening: { tls: { context, clientCertificates: 'off', onRefused() {} } } });
};

const connection = (bytes: string, port = gateway.port): TLSSocket => {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: NAME,
    ca: authority.certificatePem,
    // Its records say in clear what they are.
    maxVersion: 'TLSv1.2',
  });
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  return socket;
};

const get = (version = '1.1'): string =>
  `GET /x HTTP/${version}\r\n${lines('Host: a.test', `Authorization: Bearer ${TOKEN}`)}`;

const HALF = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';

const revoke = (): void => {
  gateway.mint({ revokedAt: 1 }, TOKEN);
  gateway.changed({ kind: 'token.revoked', id: 'tok_1' });
};

describe('HTTP/1.1 over TLS', () => {
  it('cuts an answer that breaks off, and the gateway goes on', async () => {
    await start();
    gateway.upstream.answer = (_request, socket) => void socket.write(HALF, () => socket.destroy());
    const { status, body } = await answerOf(hear(connection(get())));
    expect([status, body]).toEqual([200, '5\r\nhello\r\n']);
    await expect.poll(() => gateway.recorded.at(-1)?.status).toBe(502);
    expect(gateway.faults).toEqual([]);
  });

  it('says no close_notify behind half an answer that only the end of the connection would end', async () => {
    await start();
    gateway.upstream.answer = (_request, socket) => void socket.write(HALF, () => socket.destroy());
    let heard = Buffer.alloc(0);
    const relay = createServer((socket) => {
      const behind = connectTcp(gateway.port, '127.0.0.1');
      behind.on('data', (chunk) => {
        heard = Buffer.concat([heard, chunk]);
      });
      socket.pipe(behind).pipe(socket);
    });
    await once(relay.listen(0, '127.0.0.1'), 'listening');
    const { body } = await answerOf(hear(connection(get('1.0'), (relay.address() as AddressInfo).port)));
    relay.close();
    expect(body).toBe('hello');
    expect(recordTypes(heard)).toContain(APPLICATION_DATA);
    expect(recordTypes(heard)).not.toContain(ALERT);
  });

  it('cuts a stream when its token is revoked', async () => {
    await start();
    gateway.upstream.answer = (_request, socket) => void socket.write(HALF);
    const socket = connection(get());
    await until(socket, 'hello');
    await expect.poll(() => gateway.live.count()).toBe(1);
    const heard = hear(socket);
    revoke();
    expect((await heard).text).toBe('');
    await gateway.upstream.disconnected;
    expect(gateway.cuts).toEqual(['revoked']);
    await expect.poll(() => gateway.recorded.at(-1)?.status).toBe(401);
  });

  it('cuts a WebSocket when its token is revoked, with a word', async () => {
    await start();
    gateway.upstream.answer = accepting();
    const socket = connection(handshake([`Authorization: Bearer ${TOKEN}`]));
    await until(socket, '\r\n\r\n');
    await expect.poll(() => gateway.live.count()).toBe(1);
    const heard = hear(socket);
    revoke();
    expect(closeAtEnd((await heard).text)?.code).toBe(1008);
  });
});

/** Content types of RFC 5246 section 6.2.1. */
const ALERT = 21;
const APPLICATION_DATA = 23;

function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at] ?? 0);
  return types;
}
