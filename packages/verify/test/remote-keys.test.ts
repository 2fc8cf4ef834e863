/** Key sets that are fetched: from a real server, as seldom as can be, and never through what it points to. */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { credentialOf } from '../src/index.ts';
import { jwtLookup } from '../src/jose.ts';
import { codeOf, portsOf } from './support/ports.ts';
import { askedFor, WORKSPACE } from './support/signed-lookup.ts';
import { AUDIENCE, accessToken, ISSUER, jwksOf, signer } from './support/signing.ts';
import { NOW } from './support/tokens.ts';

const first = signer('ES256');
const second = signer('EdDSA');

let server: Server;
let url: string;
let requests: string[] = [];
let answer: RequestListener;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

beforeEach(() => {
  requests = [];
  serve(jwksOf(['key-1', first]));
});

describe('keys of a URL', () => {
  it('are fetched once for many that wait, and then kept', async () => {
    const verifier = verifierOf();
    const codes = await Promise.all(Array.from({ length: 20 }, () => verifier.code(accessToken(first))));
    expect(new Set(codes)).toEqual(new Set(['ok']));
    verifier.clock.at += 599_000;
    expect(await verifier.code(accessToken(first))).toBe('ok');
    expect(requests).toEqual(['/jwks.json']);
  });

  it('are fetched one at a time, however long it takes', async () => {
    const verifier = verifierOf();
    const held = Promise.withResolvers<ServerResponse>();
    answer = (_, response) => held.resolve(response);
    const waiting = [verifier.code(accessToken(first))];
    const response = await held.promise;
    verifier.clock.at += 2000;
    waiting.push(verifier.code(accessToken(first)));
    response.end(JSON.stringify(jwksOf(['key-1', first])));
    expect(await Promise.all(waiting)).toEqual(['ok', 'ok']);
    expect(requests).toHaveLength(1);
  });

  it('are not fetched for what is malformed', async () => {
    const verifier = verifierOf();
    for (const header of [
      { jku: `${url}?jku` },
      { x5u: `${url}?x5u` },
      { alg: 'none' },
      { kid: undefined },
      { typ: 'JWT' },
    ])
      expect(await verifier.code(accessToken(first, { header }))).toBe('malformed');
    expect(requests).toEqual([]);
  });

  it('that are new are found by the first token that names them', async () => {
    const verifier = verifierOf();
    expect(await verifier.code(accessToken(first))).toBe('ok');
    serve(jwksOf(['key-1', first], ['key-2', second]));
    verifier.clock.at += 30_000;
    expect(await verifier.code(signedBySecond())).toBe('ok');
    expect(requests).toHaveLength(2);
  });

  it('that nobody knows are asked for at most every 30 seconds', async () => {
    const verifier = verifierOf();
    const unknown = accessToken(first, { header: { kid: 'nobody' } });
    for (let second = 0; second < 90; second += 1) {
      expect(await verifier.code(unknown)).toBe('signature_invalid');
      verifier.clock.at += 1000;
    }
    expect(requests).toHaveLength(3);
  });

  it('that were withdrawn stop verifying when the set is too old', async () => {
    const verifier = verifierOf();
    expect(await verifier.code(accessToken(first))).toBe('ok');
    serve(jwksOf(['key-2', second]));
    verifier.clock.at += 300_000;
    expect(await verifier.code(accessToken(first))).toBe('ok');
    verifier.clock.at += 300_000;
    expect(await verifier.code(accessToken(first))).toBe('signature_invalid');
    expect(await verifier.code(signedBySecond())).toBe('ok');
  });

  it('are fetched again where the clock was set back', async () => {
    const verifier = verifierOf();
    expect(await verifier.code(accessToken(first))).toBe('ok');
    verifier.clock.at -= 20_000;
    expect(await verifier.code(accessToken(first))).toBe('ok');
    expect(requests).toHaveLength(2);
  });
});

describe('keys that cannot be had are a fault', () => {
  it.each<[string, RequestListener]>([
    ['status 500', (_, response) => response.writeHead(500).end(JSON.stringify(jwksOf(['key-1', first])))],
    ['status 204', (_, response) => response.writeHead(204).end()],
    ['a redirect, even to themselves', (_, response) => response.writeHead(302, { location: `${url}?next` }).end()],
    ['a reset connection', (request) => request.socket.destroy()],
    ['no JSON', (_, response) => response.end('<html>')],
    ['an array', (_, response) => response.end('[]')],
    ['a set with a member twice', (_, response) => response.end('{"keys":[],"keys":[]}')],
    ['a set that is refused', (_, response) => response.end(JSON.stringify(jwksOf(['a', first], ['a', second])))],
    [
      'a set that is too long',
      (_, response) => response.end(JSON.stringify({ ...jwksOf(['key-1', first]), x: 'x'.repeat(70_000) })),
    ],
  ])('%s', async (_, listener) => {
    answer = listener;
    const verifier = verifierOf();
    expect(await verifier.code(accessToken(first))).toBe('fault');
    expect(String(verifier.faults[0])).toBe('Error: the key set of the issuer cannot be had');
    expect(requests).toEqual(['/jwks.json']);
  });

  it('that is tried again after a second, not before', async () => {
    answer = (_, response) => response.writeHead(503).end();
    const verifier = verifierOf();
    expect(await verifier.code(accessToken(first))).toBe('fault');
    serve(jwksOf(['key-1', first]));
    verifier.clock.at += 999;
    expect(await verifier.code(accessToken(first))).toBe('fault');
    expect(requests).toHaveLength(1);
    verifier.clock.at += 1;
    expect(await verifier.code(accessToken(first))).toBe('ok');
  });

  it('while the keys at hand are not too old only for unknown ones, which are asked for no more often', async () => {
    const verifier = verifierOf();
    expect(await verifier.code(accessToken(first))).toBe('ok');
    answer = (_, response) => response.writeHead(503).end();
    for (let second = 0; second < 90; second += 1) {
      verifier.clock.at += 1000;
      expect(await verifier.code(accessToken(first))).toBe('ok');
      expect(await verifier.code(signedBySecond())).toBe(second < 29 ? 'signature_invalid' : 'fault');
    }
    expect(requests).toHaveLength(4);
    verifier.clock.at += 600_000;
    expect(await verifier.code(accessToken(first))).toBe('fault');
  });
});

describe('the URL of a key set', () => {
  const refusal = new TypeError('a key set is fetched over https only');

  it.each(['http://issuer.example.test/jwks', 'http://127.0.0.1.evil.example/jwks', 'file:///etc/passwd', 'data:,{}'])(
    '%s is refused',
    (jwksUrl) => {
      expect(() => jwtLookup({ ...OPTIONS, keys: { jwksUrl } })).toThrow(refusal);
    },
  );

  it('is fetched by the means that are given, following nothing', async () => {
    const calls: unknown[] = [];
    const jwksUrl = 'https://issuer.example.test/jwks';
    const given = async (target: unknown, init?: RequestInit) => {
      calls.push([target, init?.redirect]);
      return Response.json(jwksOf(['key-1', first]));
    };
    const lookup = jwtLookup({ ...OPTIONS, keys: { jwksUrl, fetch: given as typeof fetch } });
    const text = accessToken(first);
    expect(await lookup.find(text, askedFor(text, NOW))).toMatchObject({ id: 'jwt-1' });
    expect(calls).toEqual([[jwksUrl, 'error']]);
  });
});

const OPTIONS = { issuer: ISSUER, audience: AUDIENCE, facts: () => ({ workspace: WORKSPACE }) };

function serve(jwks: object): void {
  answer = (_, response) => response.end(JSON.stringify(jwks));
}

/** Valid at whatever time the tests set their clocks to. */
const ALWAYS = { exp: NOW / 1000 + 86_400, iat: NOW / 1000 - 86_400 };

function signedBySecond(): string {
  return accessToken(second, { header: { kid: 'key-2' }, claims: ALWAYS });
}

function verifierOf() {
  const clock = { at: NOW, now: () => clock.at };
  const faults: unknown[] = [];
  const signed = jwtLookup({ ...OPTIONS, keys: { jwksUrl: url } });
  const ports = portsOf({ signed, clock, onFault: (error) => faults.push(error) });
  return { clock, faults, code: (text: string) => codeOf(ports, { credential: credentialOf(text) }) };
}
