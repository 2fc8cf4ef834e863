/** What a signed text asks for is not done: it opens no file, connects to nobody, decrypts nothing and takes no time. */
import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { credentialOf, type Requirement } from '../src/index.ts';
import { ownSigned } from '../src/jose.ts';
import { leastCpu } from './support/least-cpu.ts';
import { codeOf, portsOf } from './support/ports.ts';
import { askedFor, signedLookupOf } from './support/signed-lookup.ts';
import { AUDIENCE, accessToken, base64url, dpopProof, jwksOf, SECONDS, signedText, signer } from './support/signing.ts';
import { lookupOf, NOW } from './support/tokens.ts';

const issuer = signer('ES256');
const lookup = signedLookupOf(['key-1', issuer]);

/** What a refusal may take at most, in milliseconds. */
const CHEAP_MS = 20;

describe('a key that a text brings along, or says where it is,', () => {
  let listener: Server;
  let connections = 0;
  let origin: string;
  beforeAll(async () => {
    listener = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    origin = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  });
  afterAll(() => new Promise((resolve) => listener.close(resolve)));

  it.each(['jku', 'x5u'])('by %s is not fetched: nobody is connected to', async (name) => {
    const own = signer('ES256');
    const urls = [
      `http://${origin}/jwks.json`,
      `https://${origin}/jwks.json`,
      `https://issuer.example.test@${origin}/`,
      `http://${origin}/?to=https://issuer.example.test/`,
      'https://issuer.example.test.evil.example/',
      'file:///etc/passwd',
    ];
    for (const url of urls) {
      const header = { [name]: url, x5c: undefined };
      expect(await coded(accessToken(own, { header }))).toBe('malformed');
      expect(await coded(accessToken(issuer, { header }))).toBe('malformed');
    }
    expect(connections).toBe(0);
  });

  it.each([{ jwk: signer('ES256').jwk }, { x5c: ['MIIB'] }, { x5t: 'abc', 'x5t#S256': 'abc' }, { jku: null }])(
    'as %j changes nothing about which key is asked',
    async (header) => {
      const code = await coded(accessToken(signer('ES256'), { header }));
      // A thumbprint of a certificate is passed over: it names a key and brings none.
      expect(code).toBe('x5t' in header ? 'signature_invalid' : 'malformed');
    },
  );
});

describe('a kid that is a path, a query or a command', () => {
  it('opens no file and starts nothing: it is judged where neither is permitted', async () => {
    const kids = ['../../../../dev/null', '/etc/passwd', "x' UNION SELECT '1';-- -", 'x|sleep 10', '$(sleep 10)'];
    const program = `
      const { jwtLookup } = await import(${JSON.stringify(new URL('../src/jose.ts', import.meta.url).href)});
      const { requirement } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)});
      const { keys, texts } = JSON.parse(process.argv[1]);
      const lookup = jwtLookup({ issuer: 'x', keys, facts: () => undefined });
      const asked = { digest: 'x', requirement: requirement({}), now: 0 };
      // Nothing but this repository may be read, and nothing started.
      for (const scope of ['fs.read', 'fs.write', 'child', 'worker']) if (process.permission.has(scope, '/etc/passwd')) throw new Error(scope);
      console.log(JSON.stringify(texts.map((text) => lookup.find(text, asked))));`;
    const texts = kids.map((kid) => accessToken(issuer, { header: { kid } }));
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const options = ['--permission', `--allow-fs-read=${root}*`, '--input-type=module', '--eval', program];
    const asked = JSON.stringify({ keys: jwksOf(['key-1', issuer]), texts });
    const { stdout } = await promisify(execFile)(process.execPath, [...options, asked]);
    expect(JSON.parse(stdout)).toEqual(kids.map(() => 'signature_invalid'));
  });
});

describe('an encrypted text', () => {
  const GOOD = { alg: 'dir', enc: 'A256GCM' };
  const bomb = deflateRawSync(Buffer.alloc(5_000_000)).toString('base64url');
  const OFF_CURVE = { kty: 'EC', crv: 'P-256', x: base64url(Buffer.alloc(32, 1)), y: base64url(Buffer.alloc(32, 2)) };
  const [iv, tag, wrapped] = [base64url(Buffer.alloc(12)), base64url(Buffer.alloc(16)), base64url(Buffer.alloc(40))];

  it.each<[string, string]>([
    ['with content that grows when it is inflated', jwe({ ...GOOD, zip: 'DEF' }, '', iv, bomb, tag)],
    [
      'with a password that is hashed two thousand million times',
      jwe({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2s: 'AAAA', p2c: 2_147_483_647 }, wrapped, iv, 'AAAA', tag),
    ],
    [
      'with a point off the curve',
      jwe({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', epk: OFF_CURVE }, wrapped, iv, 'AAAA', tag),
    ],
    ['with a tag of four bytes', jwe(GOOD, '', iv, 'AAAA', base64url(Buffer.alloc(4)))],
    ['without a tag', jwe({ alg: 'dir', enc: 'A128CBC-HS256' }, '', iv, 'AAAA', '')],
    ['with a tag of half its length', jwe({ alg: 'dir', enc: 'A128CBC-HS256' }, '', iv, 'AAAA', base64url('12345678'))],
    ['without an initialisation vector', jwe(GOOD, '', '', 'AAAA', tag)],
  ])('%s is malformed, and nothing of it is computed', async (_, text) => {
    const own = ownSigned({ keys: { find: () => undefined }, tokens: lookupOf() });
    for (const signed of [lookup, own]) {
      expect(await coded(text, {}, signed)).toBe('malformed');
      expect(await leastCpu(() => coded(text, {}, signed))).toBeLessThan(CHEAP_MS);
    }
  });

  function jwe(header: object, ...segments: readonly string[]): string {
    return [base64url(JSON.stringify(header)), ...segments].join('.');
  }
});

describe('a text of another kind that the same key signed', () => {
  const nonce = { nonce: 'n-0S6_WzA2Mj', auth_time: SECONDS };
  const logout = { events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, sid: 'session-1' };
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['an ID token', { typ: 'JWT' }, nonce],
    ['an ID token without a type', { typ: undefined }, nonce],
    ['a logout token', { typ: 'logout+jwt' }, logout],
    ['a client assertion', { typ: 'client-authentication+jwt' }, { sub: 'shop', iss: 'shop' }],
    ['an answer of introspection', { typ: 'token-introspection+jwt' }, { token_introspection: { active: true } }],
    ['an authorization request', { typ: 'oauth-authz-req+jwt' }, { response_type: 'code' }],
    ['an assertion of the gateway', { typ: 'tessera-assertion+jwt' }, {}],
  ])('%s is no access token', async (_, header, claims) => {
    expect(await coded(accessToken(issuer, { header, claims }))).toBe('malformed');
  });

  it('a proof of possession is no access token, nor an access token a proof', async () => {
    expect(await coded(dpopProof(issuer, 'x'))).toBe('malformed');
    expect(await coded(accessToken(issuer, { header: { typ: 'dpop+jwt' } }))).toBe('malformed');
  });
});

describe('a signed token elsewhere', () => {
  it('in another workspace is unknown there', async () => {
    expect(await coded(accessToken(issuer), { workspace: 'ws_1' })).toBe('ok');
    expect(await coded(accessToken(issuer), { workspace: 'ws_2' })).toBe('unknown');
  });

  it('for another audience is for that one, and asking twice changes nothing', async () => {
    const aud = `${'a'.repeat(50)}!`;
    const text = accessToken(issuer, { claims: { aud } });
    for (const time of ['once', 'twice']) expect([time, await coded(text)]).toEqual([time, 'wrong_audience']);
    const good = accessToken(issuer);
    for (const time of ['once', 'twice'])
      expect([time, await coded(good, { audience: AUDIENCE })]).toEqual([time, 'ok']);
  });
});

describe('a text that is a lot of work for a parser', () => {
  it.each([
    ['600 names that collide', `{${Array.from({ length: 600 }, (_, at) => `"${at * 131_072}":0`).join()}}`],
    ['30,000 names that collide', `{${Array.from({ length: 30_000 }, (_, at) => `"${at * 131_072}":0`).join()}}`],
    ['a string of backslashes', `{"a":"${'\\\\'.repeat(2900)}"}`],
    ['a scope of 5,000 characters and a bad one', JSON.stringify({ scope: `${'a '.repeat(2500)}"` })],
  ])('of %s is malformed, and costs nothing', async (_, payload) => {
    const text = signedText('{"alg":"ES256","typ":"at+jwt","kid":"key-1"}', payload, issuer);
    expect(await coded(text)).toBe('malformed');
    expect(await leastCpu(() => coded(text))).toBeLessThan(CHEAP_MS);
  });

  it.each(['HS256', undefined])('with its algorithm outside what is signed (%j inside) is malformed', async (alg) => {
    const header = base64url(JSON.stringify({ alg, typ: 'at+jwt', kid: 'key-1' }));
    const [, payload, signature] = accessToken(issuer).split('.');
    const flattened = JSON.stringify({ protected: header, header: { alg: 'ES256' }, payload, signature });
    for (const text of [flattened, `${header}.${payload}.${signature}`]) {
      expect(await coded(text)).toBe('malformed');
      expect(await lookup.find(text, askedFor(text, NOW))).toBe('malformed');
    }
  });
});

function coded(text: string, requirement: Partial<Requirement> = {}, signed = lookup): Promise<string> {
  return codeOf(portsOf({ signed }), { credential: credentialOf(text), requirement });
}
