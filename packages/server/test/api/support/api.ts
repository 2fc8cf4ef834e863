/** The management API on a free port, over the real store, cache, feed and counters. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { memoryReplays, type Ports, type Verdict } from '@tessera/verify';
import { dpopProofs } from '@tessera/verify/jose';
import { onTestFinished } from 'vitest';
import { cursors } from '../../../src/api/cursor.ts';
import { apiHandler } from '../../../src/api/handler.ts';
import { inFlight } from '../../../src/api/idempotency.ts';
import type { MostStreams } from '../../../src/api/stream-places.ts';
import type { DoorCall } from '../../../src/core/door-ports.ts';
import { factsCache } from '../../../src/core/facts-cache.ts';
import { createFeed, type Feed } from '../../../src/core/feed.ts';
import type { Store } from '../../../src/core/store-port.ts';
import { createPositions } from '../../../src/core/verifiers/positions.ts';
import { edgeOptions, receive } from '../../../src/http/edge.ts';
import { listen } from '../../../src/http/listen.ts';
import type { Listener } from '../../../src/http/listen-options.ts';
import { memoryLimiter } from '../../../src/limits/memory.ts';
import { aPlatform, auditKey, minter, type Platform } from '../../core/support/platform.ts';

/** The members of answers that the tests look at. */
export interface Shown {
  readonly id: string;
  readonly code: string;
  readonly detail: string | undefined;
  readonly token: string;
  readonly items: readonly { readonly hash: string; readonly previous: string }[];
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly json: Shown;
}

export interface TestApi extends Platform {
  readonly state: { draining: boolean };
  readonly listener: Listener;
  readonly feed: Feed;
  readonly errors: unknown[];
  readonly recorded: (DoorCall & { readonly code: Verdict['code'] })[];
  readonly minted: string[];
  /** Answers that are over, or whose client left. */
  closed(): number;
  /** How many listen to the feed: the cache, and each stream. */
  listeners(): number;
  /** Set: what the handlers see of the store. */
  store: Store;
  call(method: string, path: string, options?: CallOptions): Promise<Answered>;
  /** Sends the header section and nothing else; `finish` sends the body and waits for the answer. */
  slowly(method: string, path: string, options: CallOptions): Promise<{ finish(): Promise<Answered> }>;
}

export interface CallOptions {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function aApi(
  over: {
    readonly store?: (store: Store) => Store;
    readonly mostStreams?: Partial<MostStreams>;
    /** Sees each answer before the handler does. */
    readonly onResponse?: (response: ServerResponse) => void;
  } = {},
): Promise<TestApi> {
  const platform = await aPlatform();
  const store = over.store?.(platform.store) ?? platform.store;
  const { clock } = platform;
  const errors: unknown[] = [];
  const recorded: TestApi['recorded'] = [];
  const minted: string[] = [];
  const state = { draining: false };
  const onError = (error: unknown): void => void errors.push(error);
  const real = createFeed({ store, monotonic: () => performance.now(), boundMs: 5000, pollMs: 20, onError });
  let listening = 0;
  let closed = 0;
  const feed: Feed = {
    ...real,
    subscribe(listener, returned) {
      listening += 1;
      const leave = real.subscribe(listener, returned);
      return () => {
        listening -= 1;
        leave();
      };
    },
  };
  const tokens = factsCache({ store, feed, maxTokens: 1000, onLookup: () => {} });
  await tokens.load();
  await feed.start();
  const ports: Ports = {
    tokens,
    clock,
    limiter: memoryLimiter({ clock }),
    proofs: dpopProofs({ replays: memoryReplays({ clock }) }),
    onFault: onError,
  };
  const positions = createPositions({ store, onError });
  onTestFinished(() => positions.stop());
  const handler = apiHandler({
    store,
    ports,
    clock,
    feed,
    positions,
    ...minter,
    auditKey,
    ...(over.mostStreams && { mostStreams: over.mostStreams }),
    isDraining: () => state.draining,
    cursors: cursors(auditKey),
    sealing: { seal: (_place, plain) => plain },
    inFlight: inFlight(),
    failed: { blocked: () => 0, failed: () => {} },
    recorder: { verdict: (verdict, call) => void recorded.push({ ...call, code: verdict.code }) },
    events: { minted: (kind) => minted.push(kind), revoked: () => {}, answered: () => {}, followed: () => {} },
    onError,
  });
  const edge = edgeOptions();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    onError,
    handler: (request, response) => {
      const incoming = receive(request, edge);
      if ('problem' in incoming) throw new Error(incoming.problem.title);
      response.once('close', () => {
        closed += 1;
      });
      over.onResponse?.(response);
      handler(request, response, incoming);
    },
  });
  onTestFinished(async () => {
    feed.stop();
    await listener.close(0);
  });

  const open = (method: string, path: string, { token = platform.rootText, body, headers = {} }: CallOptions) => {
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const request = httpRequest({
      host: '127.0.0.1',
      port: listener.port,
      method,
      path,
      agent: false,
      headers: {
        ...(token !== '' && { Authorization: `Bearer ${token}` }),
        ...(text !== '' && { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
        ...headers,
      },
    });
    return { request, text };
  };
  const answerTo = async (request: ReturnType<typeof httpRequest>): Promise<Answered> => {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    const isJson = /json/.test(response.headers['content-type'] ?? '');
    const { statusCode: status = 0, headers } = response;
    return { status, headers, text, json: (isJson ? JSON.parse(text) : {}) as Shown };
  };
  return {
    ...platform,
    store,
    state,
    listener,
    feed,
    errors,
    recorded,
    minted,
    closed: () => closed,
    listeners: () => listening,
    call(method, path, options = {}) {
      const { request, text } = open(method, path, options);
      request.end(text);
      return answerTo(request);
    },
    async slowly(method, path, options) {
      const { request, text } = open(method, path, options);
      const before = recorded.length;
      request.flushHeaders();
      while (recorded.length === before) await turnOfTheLoop();
      return {
        finish() {
          request.end(text);
          return answerTo(request);
        },
      };
    },
  };
}
