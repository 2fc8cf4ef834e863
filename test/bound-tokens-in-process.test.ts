/** docs/guide.md, tokens that are bound to a key: a service takes each proof once, and no token without one; signed tokens need nothing. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createVerifier, memoryReplays, type Verifier } from '@tessera/verify';
import { dpopProofs } from '@tessera/verify/jose';
import { protect } from '@tessera/verify/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, caller } from './support/call.ts';
import { proofKey } from './support/proofs.ts';
import { endServers, STARTS_MS, startServer } from './support/server.ts';

const AUDIENCE = 'https://orders.example.test';

let admin: Caller;
let verifier: Verifier;
let service: HttpServer;
let url: string;
const heard: string[] = [];

beforeAll(async () => {
  const server = await startServer();
  admin = caller(server, server.rootToken);
  const scopes = { 'orders:read': 'See orders' };
  await admin.do('apis.create', { body: { name: 'Orders', audience: AUDIENCE, prefix: 'ord', scopes } });
  const { token } = await admin.mint({ api: 'tessera', name: 'orders-service', scopes: ['verify'] });
  const proofs = dpopProofs({ replays: memoryReplays({ clock: { now: Date.now } }) });
  verifier = createVerifier({ url: server.url, token, audience: AUDIENCE, proofs });
  const onDeny = ({ code }: { readonly code: string }) => void heard.push(code);
  service = createServer(protect(verifier, { onDeny }, (_request, response, { id }) => response.end(id)));
  await new Promise<void>((listening) => service.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/orders`;
}, STARTS_MS);
afterAll(async () => {
  service.closeAllConnections();
  service.close();
  await verifier.close();
  await endServers();
});

async function ask(authorization: string, proof?: string): Promise<[number, string]> {
  const headers = { Authorization: authorization, ...(proof !== undefined && { DPoP: proof }) };
  const answer = await fetch(url, { headers });
  const text = await answer.text();
  return [answer.status, answer.ok ? text : JSON.parse(text).code];
}

it('is good with a fresh proof, and with each proof once', { timeout: STARTS_MS }, async () => {
  const key = await proofKey();
  const { id, token } = await admin.mint({ api: AUDIENCE, scopes: ['orders:read'], boundKey: key.thumbprint });
  const proof = await key.prove(token, { method: 'GET', url });
  expect(await ask(`DPoP ${token}`, proof)).toEqual([200, id]);
  expect(await ask(`DPoP ${token}`, proof)).toEqual([401, 'invalid_token']);
  expect(await ask(`Bearer ${token}`)).toEqual([401, 'invalid_token']);
  const elsewhere = await key.prove(token, { method: 'GET', url: 'https://other.example.test/orders' });
  expect(await ask(`DPoP ${token}`, elsewhere)).toEqual([401, 'invalid_token']);
  const { prove } = await proofKey();
  expect(await ask(`DPoP ${token}`, await prove(token, { method: 'GET', url }))).toEqual([401, 'invalid_token']);
  expect(heard.splice(0)).toEqual(['replayed', 'proof_required', 'proof_invalid', 'proof_invalid']);
  expect(await ask(`DPoP ${token}`, await key.prove(token, { method: 'GET', url }))).toEqual([200, id]);
});

it('signed tokens of the server are judged with no more options', { timeout: STARTS_MS }, async () => {
  const { id, token } = await admin.mint({ api: AUDIENCE, scopes: ['orders:read'], format: 'jwt' });
  expect(token.split('.')).toHaveLength(3);
  expect(await ask(`Bearer ${token}`)).toEqual([200, id]);
});
