/** A PROXY protocol header is believed from our proxies alone, and nothing that is not one for certain is passed over. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket, SocketAddress } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import { edgeOptions, receive } from '../../src/http/edge.ts';
import { listen } from '../../src/http/listen.ts';
import type { Handler, Listener, ListenLimits } from '../../src/http/listen-options.ts';
import { proxyHeader } from '../../src/http/proxy-header.ts';
import { sendJson, sendProblem } from '../../src/http/send.ts';
import { answerOf, hear } from '../gateway/support/raw-client.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of version 2: command and version, family and transport, and what follows. */
const v2 = (command: number, family: number, rest: Uint8Array): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.from([command, family, rest.length >> 8, rest.length & 0xff]), rest]);
const addresses4 = Buffer.from([192, 0, 2, 7, 127, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb]);
const addresses6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('00000000000000000000000000000001', 'hex'),
  Buffer.from([0x30, 0x39, 0x01, 0xbb]),
]);
const noTlv = Buffer.alloc(0);

const GOOD: readonly (readonly [string, Buffer, 'client' | 'proxy', string | undefined])[] = [
  ['TCP4', Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 12345 443\r\n'), 'client', '192.0.2.7'],
  ['TCP6', Buffer.from('PROXY TCP6 2001:db8::7 ::1 12345 443\r\n'), 'client', '2001:db8::7'],
  ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), 'client', undefined],
  ['UNKNOWN and more', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), 'client', undefined],
  ['2, IPv4', v2(0x21, 0x11, addresses4), 'client', '192.0.2.7'],
  ['2, IPv6', v2(0x21, 0x21, addresses6), 'client', '2001:db8::7'],
  ['TCP6, long', Buffer.from('PROXY TCP6 2001:0DB8:0:0:0:0:0:0007 ::1 1 2\r\n'), 'client', '2001:db8::7'],
  ['2, IPv4 with TLVs', v2(0x21, 0x11, Buffer.concat([addresses4, Buffer.from([4, 0, 1, 0])])), 'client', '192.0.2.7'],
  ['2, no family', v2(0x21, 0x00, noTlv), 'client', undefined],
  ['2, Unix', v2(0x21, 0x31, Buffer.alloc(216)), 'client', undefined],
  ['2, LOCAL', v2(0x20, 0x00, noTlv), 'proxy', undefined],
];

const BAD: readonly (readonly [string, Buffer])[] = [
  ['no header', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a TLS handshake', Buffer.from([0x16, 3, 1, 0, 5])],
  ['lower case', Buffer.from('proxy TCP4 192.0.2.7 127.0.0.1 1 2\r\n')],
  ['two spaces', Buffer.from('PROXY  TCP4 192.0.2.7 127.0.0.1 1 2\r\n')],
  ['a wrong family', Buffer.from('PROXY TCP4 2001:db8::7 ::1 1 2\r\n')],
  ['a leading zero', Buffer.from('PROXY TCP4 192.0.2.07 127.0.0.1 1 2\r\n')],
  ['a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
  ['a port too large', Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 1 65536\r\n')],
  ['a missing port', Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 1\r\n')],
  ['UDP4', Buffer.from('PROXY UDP4 192.0.2.7 127.0.0.1 1 2\r\n')],
  ['a bare line feed', Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 1 2\nGET / HTTP/1.1\r\n')],
  ['a line too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}\r\n`)],
  ['version 1 in 2', v2(0x11, 0x11, addresses4)],
  ['an unknown command', v2(0x22, 0x11, addresses4)],
  ['an unknown family', v2(0x21, 0x41, addresses4)],
  ['an unknown transport', v2(0x21, 0x13, addresses4)],
  ['too few bytes of addresses', v2(0x21, 0x21, addresses4)],
  ['more than we take', v2(0x21, 0x11, Buffer.alloc(4_097))],
];

describe('a header', () => {
  it.each(GOOD)('%s is read whole, byte by byte and with what follows it', (_name, bytes, from, address) => {
    for (let at = 0; at < bytes.length; at += 1)
      expect(proxyHeader(bytes.subarray(0, at))).toEqual({ outcome: 'more' });
    const whole = { outcome: 'header', length: bytes.length, from, address };
    expect(proxyHeader(bytes)).toEqual(whole);
    expect(proxyHeader(Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n')]))).toEqual(whole);
  });

  it.each(BAD)('with %s is none', (_name, bytes) => {
    expect(proxyHeader(bytes)).toEqual({ outcome: 'invalid' });
  });

  it('is read back as it was written, version 1', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    // No longer than eight groups of four digits, as the length of the line has it (section 2.1).
    const ipV6 = fc.ipV6().filter(({ length }) => length <= 39);
    fc.assert(
      fc.property(fc.constantFrom(4, 6), fc.ipV4(), ipV6, port, port, (version, four, six, from, to) => {
        const address = version === 4 ? four : six;
        const line = Buffer.from(`PROXY TCP${version} ${address} ${address} ${from} ${to}\r\n`);
        const spelled = version === 4 ? four : new SocketAddress({ address: six, family: 'ipv6' }).address;
        expect(proxyHeader(line)).toEqual({ outcome: 'header', length: line.length, from: 'client', address: spelled });
      }),
    );
  });

  it('never makes a wrong one right, whatever the bytes: it says what it is in a bounded number of them', () => {
    const start = fc.constantFrom(SIGNATURE, Buffer.from('PROXY '), Buffer.alloc(0));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (begin, rest) => {
        const bytes = Buffer.concat([begin, rest]);
        const read = proxyHeader(bytes);
        if (read.outcome === 'header') expect(read.length).toBeLessThanOrEqual(bytes.length);
        // What is decided stays so, whatever comes after.
        if (read.outcome !== 'more') expect(proxyHeader(Buffer.concat([bytes, bytes]))).toEqual(read);
        else expect(bytes.length).toBeLessThan(16 + 4_096);
      }),
      { numRuns: 2_000 },
    );
  });
});

const authority = certificates();
const own = authority.server(['a.test']);
afterAll(authority.remove);

let listener: Listener | undefined;
let refused = 0;
afterEach(async () => {
  await listener?.close(0);
  listener = undefined;
});

const mirror: Handler = (request, response) => {
  const incoming = receive(request, edgeOptions());
  if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
  sendJson(response, 200, { address: incoming.address ?? 'unknown', socket: request.socket.remoteAddress }, incoming);
};

const start = async (
  more: {
    readonly tls?: boolean;
    readonly trusts?: string;
    readonly host?: string;
    readonly limits?: Partial<ListenLimits>;
  } = {},
): Promise<void> => {
  refused = 0;
  listener = await listen({
    handler: mirror,
    host: more.host ?? '127.0.0.1',
    port: 0,
    onError: () => {},
    proxied: {
      trusts: (peer) => peer === (more.trusts ?? '127.0.0.1'),
      onRefused: () => {
        refused += 1;
      },
    },
    ...(more.tls === true && {
      tls: {
        context: { cert: own.certificatePem, key: own.keyPem },
        clientCertificates: 'off' as const,
        onRefused: () => {},
      },
    }),
    ...(more.limits !== undefined && { limits: more.limits }),
  });
};

const TCP4 = Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 12345 443\r\n');
const get = (...fields: readonly string[]) =>
  Buffer.from(['GET / HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n'));
const told = (text: string): unknown => /"address":"([^"]*)"/.exec(text)?.[1];

/** Writes the parts one after the other, each in its own turn. */
const inParts = async (parts: readonly Uint8Array[]): Promise<Socket> => {
  const socket = connectTcp(listener?.port ?? 0, '127.0.0.1');
  socket.setNoDelay(true);
  for (const part of parts) {
    await new Promise<unknown>((resolve) => socket.write(part, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return socket;
};

describe('a listener behind a proxy', () => {
  it.each(GOOD.map(([name, bytes, from, address]) => [name, bytes, from === 'proxy' ? '127.0.0.1' : address] as const))(
    'takes the address of %s for the client’s',
    async (_name, bytes, address) => {
      await start();
      const { text } = await hear(await inParts([Buffer.concat([bytes, get('Connection: close')])]));
      expect(told(text)).toBe(address === undefined ? 'unknown' : address);
    },
  );

  it('reads a header that comes in pieces, and loses no byte after it', async () => {
    await start();
    const all = Buffer.concat([TCP4, get(), get('Connection: close')]);
    const single = Array.from(all, (byte) => Buffer.from([byte]));
    for (const parts of [
      single,
      [all],
      [all.subarray(0, 50), all.subarray(50)],
      [TCP4, get(), get('Connection: close')],
    ]) {
      const { text, end } = await hear(await inParts(parts));
      expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
      expect([told(text), end]).toEqual(['192.0.2.7', 'clean']);
    }
  });

  it('closes what does not begin with one, without an answer', async () => {
    await start();
    for (const bytes of [get(), Buffer.from([0x16, 3, 1, 0, 5]), v2(0x21, 0x41, addresses4)])
      expect((await hear(await inParts([bytes]))).text).toBe('');
    expect(refused).toBe(3);
  });

  it('believes nobody but our proxies', async () => {
    await start({ trusts: '192.0.2.1' });
    expect((await hear(await inParts([Buffer.concat([TCP4, get()])]))).text).toBe('');
    expect(refused).toBe(1);
  });

  it('cuts a header that comes too slowly, and header sections as ever', async () => {
    await start({ limits: { headersTimeoutMs: 200, checkEveryMs: 50 } });
    expect((await hear(await inParts([TCP4.subarray(0, 10)]))).text).toBe('');
    expect(refused).toBe(1);
    const { status } = await answerOf(hear(await inParts([TCP4, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n')])));
    expect(status).toBe(408);
  });

  it('has the address of the client under TLS too, for each connection its own', async () => {
    await start({ tls: true });
    const ask = async (header: Buffer, isSplit: boolean): Promise<unknown> => {
      const raw = await inParts(isSplit ? [header.subarray(0, 9), header.subarray(9)] : [header]);
      const socket = connectTls({ socket: raw, servername: 'a.test', ca: authority.certificatePem });
      socket.write(get('Connection: close'));
      return told((await hear(socket)).text);
    };
    const clients = Array.from({ length: 20 }, (_, index) => `192.0.2.${index + 1}`);
    const asked = clients.map((client, index) =>
      ask(Buffer.from(`PROXY TCP4 ${client} 127.0.0.1 ${index + 1} 443\r\n`), index % 2 === 0),
    );
    expect(await Promise.all(asked)).toEqual(clients);
    expect(await ask(Buffer.from('PROXY UNKNOWN\r\n'), false)).toBe('unknown');
  });

  it('tells connections apart that come from one port of the proxy to two addresses of ours', async () => {
    await start({ tls: true, host: '0.0.0.0' });
    const sockets: Socket[] = [];
    let localPort = 0;
    for (const [index, host] of ['127.0.0.1', '127.0.0.2'].entries()) {
      const raw = connectTcp({ host, port: listener?.port ?? 0, localAddress: '127.0.0.1', localPort });
      await once(raw, 'connect');
      localPort = raw.localPort ?? 0;
      raw.write(`PROXY TCP4 192.0.2.${index + 1} 127.0.0.1 1 443\r\n`);
      sockets.push(raw);
    }
    const heard = sockets.map((raw) => {
      const socket = connectTls({ socket: raw, servername: 'a.test', ca: authority.certificatePem });
      socket.write(get('Connection: close'));
      return hear(socket);
    });
    expect((await Promise.all(heard)).map(({ text }) => told(text))).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  it('ends as ever: what has not said who it is does not hold it up', async () => {
    await start();
    const mute = hear(await inParts([TCP4.subarray(0, 10)]));
    const idle = await inParts([TCP4, get()]);
    const heard = hear(idle);
    await new Promise((resolve) => idle.once('data', resolve));
    await listener?.close(1_000);
    await Promise.all([mute, heard]);
  });
});
