/** An answer that broke anywhere is never taken for an answer: what may be repeated is, and the rest is an error. */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, TesseraError } from '../src/index.ts';
import { answerText, type RawServer, rawServer } from './raw-server.ts';

const token = 'tsr_test_0123456789012345678901234567890123456789012000000';
const minted = { id: 'tok_1', name: 'größer' };
const whole = Buffer.from(answerText(JSON.stringify(minted)));
const chunked = Buffer.from(
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\n{"id"\r\n9\r\n:"tok_1"}\r\n0\r\n\r\n`,
);

let server: RawServer;
beforeAll(async () => {
  server = await rawServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const client = () => createClient({ baseUrl: server.url, token, pause: async () => {} });
const send = (socket: Socket): unknown => socket.end(whole);
const key = (head: string): string | undefined => /^idempotency-key: (.*)$/im.exec(head)?.[1];

/** Sends so much, and breaks off: with a reset, or with the orderly end that HTTP/1.0 took for the end of an answer. */
const broken = (bytes: Buffer, how: 'reset' | 'end') => (socket: Socket) => {
  if (how === 'end') return socket.end(bytes);
  // Written and taken by the system first: a reset must not be able to overtake it.
  return socket.write(bytes, () => socket.resetAndDestroy());
};

describe.each(['reset', 'end'] as const)('a connection that is broken by %s', (how) => {
  it('after any byte of the answer: the mint is made again under its key', async () => {
    for (let at = 0; at < whole.length; at += 1) {
      server.script(broken(whole.subarray(0, at), how), send);
      await expect(client().tokens.create({ name: 'n', scopes: [] }), `at ${at}`).resolves.toEqual(minted);
      expect(server.heads, `at ${at}`).toHaveLength(2);
      expect(new Set(server.heads.map(key)).size).toBe(1);
    }
  });

  it('after any byte of an answer in chunks, too', async () => {
    for (let at = 0; at < chunked.length; at += 1) {
      server.script(broken(chunked.subarray(0, at), how), send);
      await expect(client().tokens.get('tok_1'), `at ${at}`).resolves.toEqual(minted);
      expect(server.heads, `at ${at}`).toHaveLength(2);
    }
  });

  it('after any byte: a change without a key fails, and is sent once', async () => {
    for (let at = 0; at < whole.length; at += 7) {
      server.script(broken(whole.subarray(0, at), how));
      await expect(client().tokens.update('tok_1', { name: 'n' }), `at ${at}`).rejects.toMatchObject({
        code: 'network',
      });
      expect(server.heads, `at ${at}`).toHaveLength(1);
    }
  });
});

describe('an answer that comes byte by byte', () => {
  const drip = (socket: Socket): void => {
    let at = 0;
    const next = (): void => {
      if (socket.destroyed) return;
      socket.write(whole.subarray(at, at + 1));
      at += 1;
      if (at < whole.length) setImmediate(next);
      else socket.end();
    };
    next();
  };

  it('is read', async () => {
    server.script(drip);
    await expect(client().tokens.get('tok_1')).resolves.toEqual(minted);
  });

  it('has a total: bytes do not keep a call alive', async () => {
    server.script((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const timer = setInterval(() => socket.write(' '), 5);
      socket.once('close', () => clearInterval(timer));
    });
    const slow = createClient({ baseUrl: server.url, token, timeoutMs: 500, pause: async () => {} });
    const error: unknown = await slow.tokens.get('tok_1').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TesseraError);
    expect(error).toMatchObject({ code: 'timeout', message: 'No answer within 500 milliseconds' });
    expect(server.heads).toHaveLength(4);
  });
});

it.each([
  ['garbage', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x'],
  ['a header without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`],
])('%s is a failure of the network, after the attempts allowed', async (_name, text) => {
  server.script((socket) => socket.end(text));
  await expect(client().tokens.get('tok_1')).rejects.toMatchObject({ code: 'network', status: undefined });
  expect(server.heads).toHaveLength(4);
});
