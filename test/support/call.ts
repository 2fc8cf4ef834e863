/** Calls the management API over HTTP: any request, and the operations of the contract by name. */
import { randomUUID } from 'node:crypto';
import { type BodyInput, type OperationName, type Output, operations } from '@tessera/contract';
import type { Server } from './server.ts';
import { until } from './until.ts';

const PATIENCE_MS = 30_000;

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
  /** The body as it came. */
  readonly text: string;
}

export interface Sent {
  readonly token?: string | undefined;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

type Reached = Pick<Server, 'url'>;

export async function call<T = Record<string, unknown>>(
  { url }: Reached,
  target: `${string} /${string}`,
  { token, body, headers }: Sent = {},
): Promise<Answer<T>> {
  const [method = '', path = ''] = target.split(' ', 2);
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : {}) as T, text };
}

export interface Asked<N extends OperationName> {
  readonly id?: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: BodyInput<N>;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Minted = Output<'tokens.create'>;
export type Verdict = Output<'verify.one'>;
type VerifyMore = Omit<BodyInput<'verify.one'>, 'token'>;

/** Somebody with a token. */
export interface Caller {
  readonly token: string;
  /** Whatever is answered. */
  ask<N extends OperationName>(name: N, asked?: Asked<N>): Promise<Answer>;
  /** The output of an operation that succeeds; throws where it does not. */
  do<N extends OperationName>(name: N, asked?: Asked<N>): Promise<Output<N>>;
  /** A token of the default api with any scopes, unless told otherwise. */
  mint(more?: Partial<BodyInput<'tokens.create'>>): Promise<Minted>;
  verify(token: string, more?: VerifyMore): Promise<Verdict>;
}

export function caller(server: Reached, token: string, headers: Readonly<Record<string, string>> = {}): Caller {
  const ask = <N extends OperationName>(name: N, asked: Asked<N> = {}): Promise<Answer> => {
    const { id, query, body } = asked;
    const { method, path } = operations[name];
    const found = id === undefined ? path : path.replace(/\{[a-z]+\}/, id);
    const search = query === undefined ? '' : `?${new URLSearchParams(Object.entries(query).map(textual))}`;
    return call(server, `${method} ${found}${search}` as `GET /${string}`, {
      token,
      body,
      headers: { ...headers, ...asked.headers },
    });
  };
  const succeed = async <N extends OperationName>(name: N, asked?: Asked<N>): Promise<Output<N>> => {
    const answer = await ask(name, asked);
    if (answer.status !== operations[name].status) throw new Error(`${name}: ${answer.status} ${answer.text}`);
    return answer.body as Output<N>;
  };
  return {
    token,
    ask,
    do: succeed,
    mint: (more = {}) => succeed('tokens.create', { body: { name: 'test', scopes: [], ...more } }),
    verify: (text, more = {}) => succeed('verify.one', { body: { token: text, ...more } }),
  };
}

function textual([name, value]: readonly [string, string | number]): [string, string] {
  return [name, String(value)];
}

export interface Workspace {
  readonly id: string;
  /** A token with the scope `admin`. */
  readonly admin: Caller;
  /** The root token, acting here. */
  readonly root: Caller;
  /** A management token with these scopes and nothing more. */
  scoped(...scopes: string[]): Promise<Caller>;
}

/** Tests that share a server keep apart by workspace. */
export async function newWorkspace(server: Server, name = 'test'): Promise<Workspace> {
  const { id } = await caller(server, server.rootToken).do('workspaces.create', { body: { name } });
  const root = caller(server, server.rootToken, { 'Tessera-Workspace': id });
  const scoped = async (...scopes: string[]): Promise<Caller> =>
    caller(server, (await root.mint({ api: 'tessera', name: scopes.join(' ').slice(0, 200) || 'none', scopes })).token);
  return { id, admin: await scoped('admin'), root, scoped };
}

/** A problem without what differs from request to request. */
export function problemOf({ body }: Answer): Record<string, unknown> {
  const { requestId, ...told } = body;
  if (typeof requestId !== 'string' || requestId === '') throw new Error('a problem without requestId');
  return told;
}

/** As clients do: what a store that is too busy refuses is asked again under the same key, which is done once. */
export function insist(ask: (headers: Readonly<Record<string, string>>) => Promise<Answer>): Promise<Answer> {
  const headers = { 'Idempotency-Key': randomUUID() };
  return until(
    () => ask(headers),
    ({ status }) => status !== 503,
    PATIENCE_MS,
  );
}

/** Runs so many at once, and gives what each one gave. */
export function together<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}
