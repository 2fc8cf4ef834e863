import { createHash, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { createAssertions, fileSigner } from '../../src/core/assertions.ts';
import type { RouteConfig } from '../../src/core/compiled-route.ts';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { exchange } from './support/raw-client.ts';
import { valuesOf } from './support/recording-upstream.ts';
import { acceptance, handshake } from './support/websocket.ts';

const AUTH = `Authorization: Bearer ${TOKEN}`;
const NOW = 1_800_000_000_000;
const { privateKey } = generateKeyPairSync('ed25519');
const own = fileSigner(privateKey);
const assertions = createAssertions({ signer: () => own, issuer: 'https://tessera.test', clock: { now: () => NOW } });
const keySet = createLocalJWKSet({ keys: [own.publicKey] } as unknown as JSONWebKeySet);

let gateway: TestGateway;
afterEach(() => gateway.close());

/** A gateway whose upstream gets assertions, as the route says. */
const asserting = async (identity: RouteConfig['identity'], others: readonly string[] = []): Promise<void> => {
  gateway = await testGateway({
    assertions,
    routes: (url) => [
      {
        name: 'orders',
        match: { path: '/*' },
        identity,
        upstream: { targets: [url, ...others].map((target, at) => ({ url: target, weight: at === 0 ? 1000 : 1 })) },
      },
    ],
  });
};

/** As an upstream verifies it. */
const verified = (text: string | undefined, audience: string) =>
  jwtVerify(text ?? '', keySet, {
    issuer: 'https://tessera.test',
    audience,
    typ: 'tessera-assertion+jwt',
    algorithms: ['EdDSA'],
    currentDate: new Date(NOW),
  });

const asserted = (): string[] =>
  gateway.upstream.requests.flatMap((request) => valuesOf(request, 'x-tessera-assertion'));

describe('an assertion', () => {
  it('tells the upstream who called, for this upstream and this request, for a minute', async () => {
    await asserting({ assertion: true });
    await gateway.get('/orders?x=%C3%A9', [AUTH, 'X-Request-Id: r-1']);
    const [text = ''] = asserted();
    const { payload } = await verified(text, gateway.upstream.origin);
    const { jti, ...claims } = payload;
    expect(claims).toEqual({
      iss: 'https://tessera.test',
      aud: gateway.upstream.origin,
      sub: 'tok_1',
      iat: NOW / 1000,
      exp: NOW / 1000 + 60,
      kind: 'api_key',
      owner: 'own_1',
      owner_type: 'service',
      workspace: 'ws_default',
      api: 'https://api.test',
      env: 'live',
      scope: 'orders:read orders:list',
      route: 'orders',
      request_id: 'r-1',
      htm: 'GET',
      target_hash: createHash('sha256').update('/orders?x=%C3%A9').digest('base64url'),
    });
    expect(jti).toMatch(/^[0-9a-f-]{36}$/);
    const late = { currentDate: new Date(NOW + 61_000) };
    await expect(jwtVerify(text, keySet, late)).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
  });

  it('is named by a key that the key set holds without its private part', async () => {
    await asserting({ assertion: true });
    await gateway.get('/');
    const { kid, alg, typ } = decodeProtectedHeader(asserted()[0] ?? '');
    expect([alg, typ]).toEqual(['EdDSA', 'tessera-assertion+jwt']);
    expect(kid).toBe(own.publicKey.kid);
    expect(kid).toBe(await calculateJwkThumbprint(own.publicKey));
    expect(Object.keys(own.publicKey).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    expect(JSON.stringify(assertions)).not.toContain(privateKey.export({ format: 'jwk' }).d);
  });

  it('is refused by every other audience, and by another key', async () => {
    await asserting({ assertion: true });
    await gateway.get('/');
    const [text] = asserted();
    await expect(verified(text, 'http://127.0.0.1:1')).rejects.toMatchObject({
      code: 'ERR_JWT_CLAIM_VALIDATION_FAILED',
    });
    const other = fileSigner(generateKeyPairSync('ed25519').privateKey);
    const others = createLocalJWKSet({
      keys: [{ ...other.publicKey, kid: own.publicKey.kid }],
    } as unknown as JSONWebKeySet);
    await expect(jwtVerify(text ?? '', others)).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    });
  });

  it('names the audience that the route says, or every origin of the upstream', async () => {
    await asserting({ assertion: { audience: 'orders-service' } });
    await gateway.get('/');
    await verified(asserted()[0], 'orders-service');
    await gateway.close();
    await asserting({ assertion: true }, ['http://127.0.0.1:2']);
    await expect.poll(async () => (await gateway.get('/')).status).toBe(200);
    await verified(asserted()[0], gateway.upstream.origin);
    await verified(asserted()[0], 'http://127.0.0.1:2');
  });

  it('is another one for each request, and only ours', async () => {
    await asserting({ assertion: true });
    const forged = ['X-Tessera-Assertion: forged', 'X_Tessera_Assertion: forged', 'x-tessera.assertion: forged'];
    for (let at = 0; at < 2; at++) await gateway.get('/', [AUTH, ...forged, 'X-Request-Id: same']);
    expect(asserted()).toHaveLength(2);
    expect(new Set(asserted()).size).toBe(2);
    expect(gateway.upstream.bytes()).not.toContain('forged');
  });

  it('goes with a WebSocket too', async () => {
    await asserting({ assertion: true });
    gateway.upstream.answer = (request, socket) => void socket.end(acceptance(request));
    await exchange(gateway.port, handshake([AUTH]));
    const { payload } = await verified(asserted()[0], gateway.upstream.origin);
    expect(payload.target_hash).toBe(createHash('sha256').update('/ws').digest('base64url'));
  });

  it.each([undefined, {}, { assertion: false }])('is not sent where the route says %o', async (identity) => {
    await asserting(identity);
    const { status } = await gateway.get('/', [AUTH, 'X-Tessera-Assertion: forged']);
    expect([status, asserted()]).toEqual([200, []]);
  });

  it('is never left out where the route wants one', async () => {
    gateway = await testGateway({
      routes: (url) => [
        {
          name: 'a',
          match: { path: '/*' },
          identity: { assertion: true },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    const { status } = await gateway.raw(`GET / HTTP/1.1\r\n${lines('Host: a.test', AUTH, 'Connection: close')}`);
    expect([status, gateway.upstream.requests, gateway.faults.length]).toEqual([500, [], 1]);
  });

  it('is signed by an Ed25519 key or by none', async () => {
    await asserting(undefined);
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { publicKey } = generateKeyPairSync('ed25519');
    for (const key of [rsa, publicKey]) expect(() => fileSigner(key)).toThrow(RangeError);
  });
});
