/** A verifier that cannot do its work says why, in words that tell what to put right, and not at the rate of the requests. */
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { circumstances, createVerifier, type RemoteVerifier } from '../../src/index.ts';
import { consoleEvents } from '../../src/lookups/remote/console-events.ts';
import { TOKEN } from '../support/tokens.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
});

async function served(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const verdictOf = (verifier: RemoteVerifier) =>
  verifier.verify({ authorization: [`Bearer ${TOKEN}`], apiKey: [], query: '' }, { circumstances: circumstances() });

/** What the console is told by a verifier that nobody gave a listener, until it has said so much. */
async function toldBy(url: string, lines: number): Promise<readonly string[]> {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const verifier = createVerifier({ url, token: 'tsm_live_secret', audience: 'https://orders.example.test' });
  closing.push(() => verifier.close());
  for (let times = 0; times < 5; times += 1) expect(await verdictOf(verifier)).toMatchObject({ code: 'fault' });
  await vi.waitFor(() => expect(warn.mock.calls.length).toBeGreaterThanOrEqual(lines), 20_000);
  const told = warn.mock.calls.map(([line]) => String(line));
  for (const line of told) expect(line).not.toContain('tsm_live_secret');
  return told.toSorted();
}

describe('without a listener the console hears once', () => {
  it.each([
    [401, 'the token of the verifier is no management token of this server, or no longer'],
    [403, 'the token of the verifier needs the scope `verify`'],
    [404, 'this may not be the address at which the platform listens'],
  ])('that the server refused with %i, and what that means', async (status, hint) => {
    const url = await served((_request, response) => response.writeHead(status).end('{}'));
    expect(await toldBy(url, 2)).toEqual([
      `tessera: ${url}/v1/changes was refused with ${status}: ${hint}`,
      `tessera: ${url}/v1/lookups was refused with ${status}: ${hint}`,
    ]);
  });

  it('that nobody listens there', async () => {
    const url = await served(() => {});
    for (const close of closing.splice(0)) await close();
    const [changes = '', lookups = ''] = await toldBy(url, 2);
    const { port } = new URL(url);
    expect(changes).toBe(
      `tessera: ${url}/v1/changes could not be followed: fetch failed: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
    expect(lookups).toContain(`${url}/v1/lookups could not be asked: fetch failed: connect ECONNREFUSED`);
  });

  it('that something else answers there', async () => {
    const url = await served((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html>');
    });
    const told = await toldBy(url, 2);
    expect(told[0]).toBe(
      `tessera: ${url}/v1/changes was answered with something else than events: this may not be the address at which the platform listens`,
    );
    expect(told[1]).toMatch(/\/v1\/lookups could not be asked: .*JSON/);
  });

  it.each([
    ['ends', (response: ServerResponse) => response.end(), 'the server ended it'],
    ['breaks', (response: ServerResponse) => response.destroy(), 'terminated: other side closed'],
  ])('that the feed broke off, where the server %s it', async (_how, end, reason) => {
    const url = await served((request, response) => {
      if (request.url === '/v1/changes') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(': here\n\n', () => end(response));
      } else response.writeHead(503).end('{}');
    });
    expect(await toldBy(url, 2)).toContain(`tessera: the change feed broke off: ${reason}`);
  });

  it('and when all is well again', () => {
    const told: string[] = [];
    const tell = consoleEvents((line) => told.push(line));
    tell({ type: 'following' });
    expect(told).toEqual([]);
    for (let times = 0; times < 100; times += 1) {
      tell({ type: 'lost', error: new Error('gone') });
      tell({ type: 'error', error: new Error(`number ${times}`) });
    }
    expect(told).toHaveLength(10);
    expect(told[0]).toBe('tessera: gone');
    tell({ type: 'following' });
    tell({ type: 'lost', error: new Error('gone', { cause: new Error('of two\n lines\n') }) });
    expect(told.slice(10)).toEqual(['tessera: the verifier follows the server again', 'tessera: gone: of two lines']);
  });
});

it('a token that was never set is named as that, before anything is asked', () => {
  const options = { url: 'http://127.0.0.1:1', token: '', audience: 'https://orders.example.test' };
  expect(() => createVerifier(options)).toThrow('token is empty: a management token with the scope `verify` is needed');
});
