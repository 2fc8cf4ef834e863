import { generate } from '@tessera/token';
import { afterEach, describe, expect, it } from 'vitest';
import type { ExposedCredential } from '../../src/core/exposures.ts';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';

let gateway: TestGateway;
let exposed: ExposedCredential[];
afterEach(() => gateway.close());

const start = async (trusted: readonly string[] = []): Promise<void> => {
  exposed = [];
  gateway = await testGateway({
    trusted,
    listening: { exposed: true },
    exposures: { credential: (found) => void exposed.push(found) },
  });
};
const BEARER = `Authorization: Bearer ${TOKEN}`;

describe('a gateway that strangers reach in clear', () => {
  it.each([
    ['a bearer token', [BEARER], '/'],
    ['a key', [`X-API-Key: ${TOKEN}`], '/'],
    ['a token in the query', [], `/?access_token=${TOKEN}`],
    ['a token of nobody', [`Authorization: Bearer ${generate({ prefix: 'tsr', environment: 'live' })}`], '/'],
    ['somebody else’s credential', ['Authorization: Basic YTpi'], '/'],
  ])('refuses %s, says so, and forwards nothing', async (_name, fields, path) => {
    await start();
    const { status, head, body } = await gateway.get(path, fields);
    expect([status, JSON.parse(body).code]).toEqual([403, 'insecure_transport']);
    expect(body).toContain('Replace it, and use https.');
    expect(head).not.toMatch(/\r\n(?:Location|WWW-Authenticate):/i);
    expect(head + body).not.toContain(TOKEN);
    expect(head).toMatch(/\r\nConnection: close/);
    expect(exposed).toMatchObject([{ door: 'gateway', address: '127.0.0.1' }]);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('asks nobody for a credential in clear', async () => {
    await start();
    const { status, head } = await gateway.get('/', []);
    expect(status).toBe(403);
    expect(head).not.toMatch(/WWW-Authenticate/i);
  });

  it('takes what a trusted proxy received over TLS, and nobody else’s word for it', async () => {
    await start(['127.0.0.1']);
    expect((await gateway.get('/', [BEARER, 'X-Forwarded-Proto: https'])).status).toBe(200);
    expect((await gateway.get('/', [BEARER, 'X-Forwarded-Proto: http'])).status).toBe(403);
    expect((await gateway.get('/', [BEARER])).status).toBe(403);
    expect((await gateway.get('/', [BEARER, 'X-Forwarded-Proto: https', 'X-Forwarded-Proto: https'])).status).toBe(403);
    await gateway.close();
    await start();
    expect((await gateway.get('/', [BEARER, 'X-Forwarded-Proto: https'])).status).toBe(403);
    const { status } = await gateway.raw(
      `GET https://a.test/ HTTP/1.1\r\n${lines('Host: a.test', BEARER, 'Connection: close')}`,
    );
    expect(status).toBe(403);
  });
});
