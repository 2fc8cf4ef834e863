/** An upstream knows from the signature alone who called, with nothing but the published keys. */
import type { Buffer } from 'node:buffer';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller } from './support/call.ts';
import { endServers, runToEnd, type Server, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';

const keyFile = (pem: string | Buffer, mode = 0o600): string => {
  const path = join(temporaryFolder(), 'assertion.pem');
  writeFileSync(path, pem);
  chmodSync(path, mode);
  return path;
};
const ed25519 = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

afterAll(endServers);

describe('an upstream that verifies assertions', () => {
  let server: Server;
  let upstream: HttpServer;
  let audience: string;
  const pem = ed25519();

  beforeAll(async () => {
    let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      keys ??= createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`), { timeoutDuration: 30_000 });
      const assertion = String(request.headers['x-tessera-assertion']);
      const expected = { issuer: 'tessera', audience, typ: 'tessera-assertion+jwt' };
      const { payload } = await jwtVerify(assertion, keys, expected).catch(() => ({ payload: undefined }));
      const isMine =
        payload?.target_hash ===
        createHash('sha256')
          .update(request.url ?? '')
          .digest('base64url');
      response.writeHead(isMine && payload.htm === request.method ? 200 : 401).end(payload?.sub);
    };
    upstream = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    audience = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    server = await startServer({
      env: { TESSERA_ASSERTION_KEY: keyFile(pem) },
      config: `routes:
  - { name: own, match: { path: /own/* }, identity: { assertion: true }, upstream: "${audience}" }
  - { name: other, match: { path: /other/* }, identity: { assertion: { audience: another-service } }, upstream: "${audience}" }
  - { name: none, match: { path: /none/* }, upstream: "${audience}" }\n`,
    });
  }, STARTS_MS);
  afterAll(() => upstream.close());

  it('takes one for itself, and refuses one for another service, or none, or a forged one', async () => {
    const { id, token } = await caller(server, server.rootToken).mint();
    const get = async (path: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
      const response = await fetch(server.gateway + path, { headers: { 'X-API-Key': token, ...headers } });
      return [response.status, await response.text()];
    };
    expect(await get('/own/a?b=c')).toEqual([200, id]);
    expect(await get('/other/a')).toEqual([401, '']);
    expect(await get('/none/a', { 'X-Tessera-Assertion': 'forged' })).toEqual([401, '']);
    expect(await get('/own/a', { 'X-Tessera-Assertion': 'forged', X_Tessera_Assertion: 'forged' })).toEqual([200, id]);
  });

  it('finds the public key, and no private one, without a token', async () => {
    const { status, headers, body } = await call<{ keys: Record<string, unknown>[] }>(
      server,
      'GET /.well-known/jwks.json',
    );
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=300']);
    expect(body.keys.map((key) => Object.keys(key).sort())).toEqual(
      // That of the file, and the ring's active and next ones.
      Array.from({ length: 3 }, () => ['alg', 'crv', 'kid', 'kty', 'use', 'x']),
    );
    expect(server.stdout() + server.stderr()).not.toContain(String(pem).split('\n')[1]);
  });
});

describe('the key of assertions', () => {
  const start = (path: string) =>
    runToEnd(['start'], { TESSERA_DATA: temporaryFolder(), TESSERA_PORT: '0', TESSERA_ASSERTION_KEY: path });
  const rsa = () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });

  it.each([
    ['can be read by others', () => keyFile(ed25519(), 0o644), /can be read by others: chmod 600 it/],
    ['is of another kind', () => keyFile(rsa()), /does not hold an Ed25519 private key in PEM/],
    ['is none', () => keyFile('not a key'), /does not hold an Ed25519 private key in PEM/],
    ['is not there', () => join(temporaryFolder(), 'absent.pem'), /does not exist/],
  ])('refuses the start where it %s', { timeout: STARTS_MS }, async (_name, path, message) => {
    const { code, stderr, stdout } = await start(path());
    expect([code, stdout]).toEqual([8, '']);
    expect(stderr).toMatch(/tessera cannot start: assertionKey: /);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('not a key');
  });
});
