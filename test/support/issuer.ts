/** An issuer as other organisations run one: signs tokens, publishes its keys over TLS, answers introspection, and misbehaves when told to. */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Authority } from './certificates.ts';

type Claims = Readonly<Record<string, unknown>>;
export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface IssuerKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly privateKey: KeyObject;
  readonly jwk: Claims;
}

export interface Minting {
  /** Over the claims that it signs by itself. */
  readonly claims?: Claims;
  /** Over the members of the header. */
  readonly header?: Claims;
  readonly key?: IssuerKey;
}

/** What it does to requests of a path: answers as it should, or so. */
export type Mood = 'fine' | 'hangs' | 'redirects' | 'floods' | 'fails' | 'is another' | 'is no JSON';

export interface TestIssuer {
  /** Origin, and `iss`. */
  readonly url: string;
  readonly port: number;
  /** Those it publishes, the first of which signs. */
  keys: IssuerKey[];
  /** Paths that were asked, in their order. */
  readonly asked: string[];
  mood: Mood;
  /** What it says of opaque texts; of others that they are not active. */
  readonly states: Map<string, Claims>;
  /** `Authorization` and form of the last question about a token. */
  lastQuestion: { readonly authorization: string | undefined; readonly form: URLSearchParams } | undefined;
  /** A token for one audience that ends in ten minutes. */
  mint(audience: string, minting?: Minting): string;
  close(): Promise<void>;
}

export function newIssuerKey(alg: Algorithm = 'ES256'): IssuerKey {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  const kid = randomUUID();
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

/** Signs any header and claims. */
export function signed(
  header: Claims,
  claims: Claims,
  { alg, privateKey }: Pick<IssuerKey, 'alg' | 'privateKey'>,
): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const key = alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey;
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), key);
  return `${input}.${signature.toString('base64url')}`;
}

export async function startIssuer(
  authority: Authority,
  { host = 'localhost', alg = 'ES256' }: { readonly host?: string; readonly alg?: Algorithm } = {},
): Promise<TestIssuer> {
  const { certificatePem, keyPem } = authority.server(['localhost', 'issuer.test', '127.0.0.1']);
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    void answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `https://${host}:${port}`;
  const issuer: TestIssuer = {
    url,
    port,
    keys: [newIssuerKey(alg)],
    asked: [],
    mood: 'fine',
    states: new Map(),
    lastQuestion: undefined,
    mint(aud, { claims, header, key = issuer.keys[0] } = {}) {
      if (key === undefined) throw new Error('the issuer has no key');
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: url, sub: 'somebody', aud, jti: randomUUID(), iat: now, exp: now + 600, ...claims };
      return signed({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header }, all, key);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    issuer.asked.push(path);
    const json = (value: unknown): void => {
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
    };
    if (issuer.mood === 'hangs') return;
    if (issuer.mood === 'fails') return void response.writeHead(500).end('{}');
    if (issuer.mood === 'redirects') return void response.writeHead(302, { Location: `${url}/elsewhere` }).end();
    if (issuer.mood === 'is no JSON') return void response.end('{"keys":[],"keys":[]}');
    if (issuer.mood === 'floods') return flood(response);
    if (path === '/.well-known/openid-configuration')
      return json({ issuer: issuer.mood === 'is another' ? 'https://another.test' : url, jwks_uri: `${url}/keys` });
    if (path === '/keys' || path === '/elsewhere') return json({ keys: issuer.keys.map(({ jwk }) => jwk) });
    if (path !== '/introspect') return void response.writeHead(404).end('{}');
    const form = new URLSearchParams(await text(request));
    issuer.lastQuestion = { authorization: request.headers.authorization, form };
    const state = issuer.states.get(form.get('token') ?? '');
    return json(state === undefined ? { active: false } : { active: true, ...state });
  }
  return issuer;
}

/** 10 MB of a key set that never ends. */
function flood(response: ServerResponse): void {
  response.setHeader('Content-Type', 'application/json');
  response.write('{"keys":[');
  const part = `${'"'.padEnd(65_536, 'x')}",`;
  let left = 160;
  const more = (): void => {
    while (left > 0) {
      left -= 1;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end('""]}');
  };
  response.on('error', () => undefined);
  more();
}
