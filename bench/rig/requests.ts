/** The requests that callers make, as bytes, and what each answer must hold to count. */
import { Buffer } from 'node:buffer';
import { TOKEN } from './seed.ts';
import { ROOT_TOKEN } from './tessera.ts';
import { tokenText, wrongChecksum } from './tokens.ts';

export type Kind = keyof typeof kinds;

export interface Requests {
  /** Request number `index`: as often as it comes round, the same. */
  at(index: number): Buffer;
  /** Bytes that stand in every right answer. */
  readonly expected: Buffer;
}

/** @param tokens number of different tokens */
export function requestsOf(kind: Kind, tokens: number): Requests {
  const { make, expected, kept } = kinds[kind];
  if (!kept) return { at: (index) => Buffer.from(make(index), 'latin1'), expected: Buffer.from(expected) };
  const made = Array.from({ length: tokens }, (_, index) => Buffer.from(make(index), 'latin1'));
  return { at: (index) => made[index % tokens] ?? Buffer.alloc(0), expected: Buffer.from(expected) };
}

/** Services that requests of the kind `forward spread` go to, each under a path of its own. */
export const SERVICES = 999;

/** Who asks oidc-provider. */
export const INTROSPECTING = { client: 'bench', secret: 'the secret of whoever asks in this bench' };
const BASIC = btoa(`${INTROSPECTING.client}:${encodeURIComponent(INTROSPECTING.secret)}`);

const kinds = {
  verify: { make: (index: number) => verify(tokenText(index)), expected: '"valid":true', kept: true },
  introspect: {
    make: (index: number) => form('/oauth/introspect', { token: tokenText(index) }, `Bearer ${ROOT_TOKEN}`),
    expected: '"active":true',
    kept: true,
  },
  'introspect oidc-provider': {
    make: (index: number) => form('/token/introspection', { token: tokenText(index) }, `Basic ${BASIC}`),
    expected: '"active":true',
    kept: true,
  },
  mint: { make: () => post('/v1/tokens', TOKEN), expected: 'HTTP/1.1 201', kept: true },
  forward: { make: (index: number) => get(tokenText(index)), expected: 'HTTP/1.1 200', kept: true },
  'forward spread': {
    make: (index: number) => get(tokenText(index), { path: `/service-${index % SERVICES}/orders/1` }),
    expected: 'HTTP/1.1 200',
    kept: true,
  },
  'verify unknown': {
    make: (index: number) => verify(tokenText(index, 'bad')),
    expected: '"code":"unknown"',
    kept: false,
  },
  'verify malformed': {
    make: (index: number) => verify(wrongChecksum(index, 'bad')),
    expected: '"code":"malformed"',
    kept: false,
  },
  'forward unknown': { make: (index: number) => get(tokenText(index, 'bad')), expected: 'HTTP/1.1 401', kept: false },
  'forward malformed': {
    make: (index: number) => get(wrongChecksum(index, 'bad')),
    expected: 'HTTP/1.1 401',
    kept: false,
  },
  'forward strangers': {
    make: (index: number) => get(tokenText(index, 'bad'), { client: addressOf(index) }),
    expected: 'HTTP/1.1 401',
    kept: false,
  },
} as const;

/** Of number `index` below 2^24: another one for each. */
function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
}

function verify(token: string): string {
  return post('/v1/verify', { token, audience: 'default', scopes: ['orders:read'] });
}

function post(path: string, body: object): string {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${ROOT_TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

function form(path: string, fields: Readonly<Record<string, string>>, authorization: string): string {
  const text = new URLSearchParams(fields).toString();
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

interface Asked {
  readonly path?: string;
  /** Address of the client, as a proxy tells it. */
  readonly client?: string;
}

function get(token: string, { path = '/orders/1', client }: Asked = {}): string {
  const told = client === undefined ? '' : `X-Forwarded-For: ${client}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nAccept: application/json\r\n${told}\r\n`;
}
