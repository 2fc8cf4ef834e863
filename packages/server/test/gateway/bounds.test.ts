/** How much a route takes, and for how long: over it the client hears 413 or 408, and the upstream never takes a part for the whole. */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { connection, hear, until } from './support/raw-client.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;

let gateway: TestGateway;
afterEach(async () => {
  expect(gateway.faults).toEqual([]);
  await gateway.close();
});

const start = async (bounds: { maxBodyBytes?: number; requestTimeout?: number }): Promise<TestGateway> => {
  gateway = await testGateway({
    routes: (url) => [{ name: 'a', match: { path: '/*' }, bounds, upstream: { targets: [{ url, weight: 1 }] } }],
  });
  return gateway;
};

const post = (...fields: readonly string[]): string => `POST / HTTP/1.1\r\n${lines('Host: a.test', AUTH, ...fields)}`;

describe('the length of a body', () => {
  it('is looked at before the upstream hears of it', async () => {
    const { raw, upstream } = await start({ maxBodyBytes: 5 });
    const { status, head, body } = await raw(`${post('Content-Length: 6')}123456`);
    expect([status, JSON.parse(body).code]).toEqual([413, 'too_large']);
    expect(head).toContain('\r\nConnection: close');
    expect(upstream.bytes()).toBe('');
    expect((await raw(`${post('Content-Length: 5', 'Connection: close')}12345`)).status).toBe(200);
    expect(
      (await raw(`${post('Transfer-Encoding: chunked', 'Connection: close')}5\r\n12345\r\n0\r\n\r\n`)).status,
    ).toBe(200);
  });

  it('may be none at all', async () => {
    const { raw, get } = await start({ maxBodyBytes: 0 });
    expect((await raw(`${post('Content-Length: 1')}1`)).status).toBe(413);
    expect((await get('/')).status).toBe(200);
  });

  it('is told before a client that waits for 100 sends anything', async () => {
    const { raw, upstream } = await start({ maxBodyBytes: 5 });
    const { status, head } = await raw(post('Content-Length: 6', 'Expect: 100-continue'));
    expect([status, head.startsWith('HTTP/1.1 413 ')]).toEqual([413, true]);
    expect(upstream.bytes()).toBe('');
  });

  it('is no business of strangers: they hear 401', async () => {
    const { raw } = await start({ maxBodyBytes: 5 });
    const head = lines('Host: a.test', 'Content-Length: 6', 'Connection: close');
    expect((await raw(`POST / HTTP/1.1\r\n${head}123456`)).status).toBe(401);
  });

  it('is counted where nobody told it: the upstream loses its request, the client its connection', async () => {
    const { port, upstream, recorded } = await start({ maxBodyBytes: 5 });
    const client = connection(port, `${post('Transfer-Encoding: chunked')}3\r\nuno\r\n`);
    await upstream.seen('uno');
    const heard = hear(client);
    client.write('3\r\nduo\r\n');
    const { text } = await heard;
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toContain('\r\nConnection: close');
    await upstream.disconnected;
    expect(upstream.requests).toEqual([]);
    expect(upstream.bytes()).not.toContain('duo');
    await expect.poll(() => recorded).toMatchObject([{ status: 413, code: 'ok' }]);
  });

  it('is counted while the answer is under way, too: then both are cut', async () => {
    const { port, upstream } = await start({ maxBodyBytes: 5 });
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    client.write(`${post('Transfer-Encoding: chunked')}3\r\nuno\r\n`);
    await upstream.seen('uno');
    upstream.answerNow('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
    await until(client, 'hello');
    const closed = new Promise((resolve) => client.once('close', resolve));
    client.write('3\r\nduo\r\n');
    await closed;
    await upstream.disconnected;
    expect(upstream.bytes()).not.toContain('duo');
  });
});

describe('the time of a body', () => {
  it.each([
    ['silent after a part', 'Content-Length: 10', '12345'],
    ['that waits for 100 and then sends nothing', 'Content-Length: 10\r\nExpect: 100-continue', ''],
  ])('ends a client %s with 408', async (_, field, part) => {
    const { port, upstream } = await start({ requestTimeout: 1 });
    const { text } = await hear(connection(port, post(field) + part));
    expect(text).toMatch(/HTTP\/1\.1 408 /);
    expect(text).toContain('"code":"request_timeout"');
    await upstream.disconnected;
    expect(upstream.requests).toEqual([]);
  });

  it('ends one that is never silent for long', async () => {
    const { port, upstream } = await start({ requestTimeout: 1 });
    const client = connection(port, post('Transfer-Encoding: chunked'));
    const drip = setInterval(() => client.write('1\r\nx\r\n'), 50);
    const { text } = await hear(client);
    clearInterval(drip);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    await upstream.disconnected;
  });

  it('is over with the body: the answer has its own', async () => {
    const { port, upstream } = await start({ requestTimeout: 1 });
    upstream.answer = (_, socket) => {
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 1500);
    };
    const { text } = await hear(connection(port, `${post('Content-Length: 2', 'Connection: close')}hi`));
    expect(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/);
  });
});
