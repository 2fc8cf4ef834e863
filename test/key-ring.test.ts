/** A workspace's keys are made, rotated and forgotten without a request that fails; no private half ever leaves. */
import { createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, newWorkspace, problemOf, together, type Workspace } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const HOUR = 3_600_000;
const privateJwk = (): JsonWebKey => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });

afterAll(endServers);

async function published(server: Server, workspace: string): Promise<readonly Record<string, string>[]> {
  const path = `GET /workspaces/${workspace}/jwks.json` as 'GET /';
  const { body } = await call<{ keys: Record<string, string>[] }>(server, path);
  return body.keys;
}

describe('a key ring', () => {
  let server: Server;
  let workspace: Workspace;
  const kids = async () => (await published(server, workspace.id)).map(({ kid }) => kid);
  beforeAll(async () => {
    server = await startServer();
  });

  it.each(['EdDSA', 'ES256', 'PS256', 'RS256', 'ML-DSA-65'] as const)(
    '%s is made, published and rotated',
    async (alg) => {
      workspace = await newWorkspace(server);
      const { admin } = workspace;
      expect(await published(server, workspace.id)).toEqual([]);
      const first = await admin.do('keys.create', { body: { alg, state: 'active' } });
      expect(first).toMatchObject({ alg, use: 'sig', state: 'active', origin: 'generated', retiredAt: null });
      expect(await published(server, workspace.id)).toEqual([{ ...first.publicJwk, kid: first.id, use: 'sig', alg }]);
      const { active, next, retired } = await admin.do('keys.rotate', { body: { alg } });
      expect([active.state, next.state, retired?.state, retired?.id]).toEqual(['active', 'next', 'retired', first.id]);
      expect(Date.parse(retired?.neededUntil ?? '') - Date.parse(retired?.retiredAt ?? '')).toBe(HOUR);
      expect((await kids()).sort()).toEqual([first.id, active.id, next.id].sort());
      const again = await admin.do('keys.rotate', { body: { alg } });
      expect([again.active.id, again.retired?.id]).toEqual([next.id, active.id]);
    },
  );

  it.each(['HS256', 'ECDH-ES+A256KW', 'A256GCM'] as const)('%s is made, and not published', async (alg) => {
    workspace = await newWorkspace(server);
    const key = await workspace.admin.do('keys.create', { body: { alg } });
    expect(key.publicJwk === null).toBe(alg !== 'ECDH-ES+A256KW');
    expect(await published(server, workspace.id)).toEqual([]);
  });

  it('forgets a key at once, and keeps its record', async () => {
    workspace = await newWorkspace(server);
    const { admin } = workspace;
    const { active, next } = await admin.do('keys.rotate', { body: { alg: 'ES256' } });
    expect(problemOf(await admin.ask('keys.delete', { id: active.id }))).toMatchObject({
      status: 409,
      detail: 'the key is active: rotate or retire it first',
    });
    await admin.do('keys.retire', { id: active.id });
    await admin.do('keys.delete', { id: active.id });
    await admin.do('keys.delete', { id: active.id });
    expect(await kids()).toEqual([next.id]);
    expect(await admin.do('keys.get', { id: active.id })).toMatchObject({ state: 'gone', publicJwk: null });
    expect(problemOf(await admin.ask('keys.activate', { id: active.id }))).toMatchObject({
      status: 409,
      code: 'conflict',
    });
    const actions = (await admin.do('audit.list', { query: { target: active.id } })).items.map(({ action }) => action);
    expect(actions).toEqual(['key.create', 'key.retire', 'key.delete']);
  });

  it('has one active and one next key of each algorithm, also where fifty ask at once', async () => {
    workspace = await newWorkspace(server);
    const { admin } = workspace;
    const created = await together(50, () => admin.ask('keys.create', { body: { alg: 'EdDSA' } }));
    expect(created.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(created.filter(({ status }) => status === 409)).toHaveLength(49);
    await together(50, () => admin.do('keys.rotate', { body: { alg: 'EdDSA' } }));
    const { items } = await admin.do('keys.list', { query: { limit: 100 } });
    const count = (state: string) => items.filter((key) => key.state === state).length;
    expect([count('active'), count('next'), count('retired')]).toEqual([1, 1, 49]);
  });

  it('takes a sound key of somebody else, and refuses a weak one with the reason', async () => {
    workspace = await newWorkspace(server);
    const { admin } = workspace;
    const jwk = privateJwk() as Record<string, string>;
    const key = await admin.do('keys.create', { body: { alg: 'EdDSA', jwk } });
    expect(key).toMatchObject({ origin: 'imported', publicJwk: { kty: 'OKP', crv: 'Ed25519', x: jwk.x } });
    expect(JSON.stringify(key)).not.toContain(jwk.d);
    const weak = { kty: 'oct', k: Buffer.alloc(16, 'secret').toString('base64url') };
    const refused = await admin.ask('keys.create', { body: { alg: 'HS256', jwk: weak } });
    expect(problemOf(refused)).toMatchObject({
      status: 422,
      errors: [{ pointer: '/jwk', detail: 'the key has 16 bytes, fewer than 32' }],
    });
    expect(JSON.stringify(refused.body)).not.toContain(weak.k);
  });

  it('of another workspace is not to be seen, and an unknown one has none', async () => {
    const answers = ['ws_nowhere', '..', 'ws_%00'].map((id) =>
      call(server, `GET /workspaces/${id}/jwks.json` as 'GET /'),
    );
    for (const { status } of await Promise.all(answers)) expect([400, 404]).toContain(status);
    const { admin } = await newWorkspace(server);
    expect((await admin.do('keys.list')).items).toEqual([]);
  });

  it('holds no private half in clear, in the store or in the log', async () => {
    workspace = await newWorkspace(server);
    const jwk = privateJwk() as Record<string, string>;
    await workspace.admin.do('keys.create', { body: { alg: 'EdDSA', jwk } });
    const seed = Buffer.from(jwk.d ?? '', 'base64url');
    const pkcs8 = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }).export({ format: 'der', type: 'pkcs8' });
    expect(pkcs8.includes(seed)).toBe(true);
    const database = new DatabaseSync(join(server.data, 'tessera.db'), { readOnly: true, timeout: 10_000 });
    const rows = database.prepare('select sealed from keys where sealed is not null').all();
    database.close();
    expect(rows.length).toBeGreaterThan(0);
    for (const { sealed } of rows) expect(Buffer.from(sealed as Uint8Array).includes(seed)).toBe(false);
    expect(server.stderr()).not.toContain(jwk.d);
  });
});

describe('the ring of the default workspace', { timeout: STARTS_MS }, () => {
  let upstream: HttpServer;
  const seen: string[] = [];
  beforeAll(async () => {
    upstream = createServer((request, response) => {
      seen.push(String(request.headers['x-tessera-assertion']));
      response.end();
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
  });
  afterAll(() => upstream.close());

  it('signs what upstreams are told, through rotations, and not one of it fails to verify', async () => {
    const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const server = await startServer({
      config: `routes: [{ name: a, match: { path: /* }, identity: { assertion: true }, upstream: "${origin}" }]\n`,
    });
    const root = caller(server, server.rootToken);
    const { token } = await root.mint();
    // As an upstream that keeps the set, and asks again for a kid that it does not know.
    const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`), {
      cooldownDuration: 0,
      timeoutDuration: 30_000,
    });
    const kids = new Set<string>();
    const verified = async (): Promise<string> => {
      const { status } = await fetch(`${server.gateway}/x`, { headers: { 'X-API-Key': token } });
      expect(status).toBe(200);
      const options = { issuer: 'tessera', audience: origin, typ: 'tessera-assertion+jwt' };
      const { protectedHeader } = await jwtVerify(seen.at(-1) ?? '', keys, options);
      kids.add(protectedHeader.kid ?? '');
      return protectedHeader.kid ?? '';
    };
    for (let rotation = 0; rotation < 4; rotation += 1) {
      for (let times = 0; times < 10; times += 1) await verified();
      const { active } = await root.do('keys.rotate', { body: { alg: 'EdDSA' } });
      await until(verified, (kid) => kid === active.id);
    }
    expect(kids.size).toBe(5);
    // Every one of them, also those that were signed first.
    for (const assertion of seen) await jwtVerify(assertion, keys, { audience: origin });
  });

  it('is made once, and stays through restarts', async () => {
    const first = await startServer();
    const before = (await caller(first, first.rootToken).do('keys.list')).items;
    expect(before.map(({ alg, state }) => `${alg} ${state}`)).toEqual(['EdDSA next', 'EdDSA active']);
    await first.stop();
    const again = await startServer({ data: first.data, rootToken: first.rootToken });
    expect((await caller(again, again.rootToken).do('keys.list')).items).toEqual(before);
  });
});
