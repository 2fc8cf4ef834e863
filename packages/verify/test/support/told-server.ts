/** A server that says exactly what a test tells it to, reached through `fetch`; and a verifier of it whose clock the test holds. */
import { Buffer } from 'node:buffer';
import { digestBytes } from '../../src/digest.ts';
import {
  circumstances,
  createVerifier,
  digestKey,
  factsToWire,
  type RemoteVerifier,
  type Requirement,
  type TokenFacts,
  type Verdict,
  type VerifierOptions,
} from '../../src/index.ts';

export interface Call {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

export interface ToldServer {
  readonly fetch: typeof globalThis.fetch;
  /** Every call but those for the stream, in order. */
  readonly calls: Call[];
  callsTo(path: string): Call[];
  /** What look-ups find, by token text. */
  readonly tokens: Map<string, TokenFacts>;
  /** Position that look-ups are answered with. */
  seq: number;
  /** What look-ups found arrives when this resolves. */
  lookupsHeld: Promise<void> | undefined;
  /** What it says of signed tokens, and what was asked after. */
  notices: (after: string) => {
    readonly seq: number;
    readonly workspace: string;
    readonly keys: readonly object[];
    readonly items: readonly object[];
    readonly next: string | null;
  };
  readonly noticesAsked: string[];
  /** What it said of them arrives when this resolves. */
  noticesHeld: Promise<void> | undefined;
  imports: { prefix: string; algorithm: 'sha256' | 'sha512' }[];
  /** Digests of a look-up that are answered for at most. */
  mostAnswered: number;
  /** What becomes of calls. `hang`: they are answered when it is set to something else. */
  mode: 'answer' | 'refuse' | 'fail' | 'hang' | 'forbid';
  /** Answers of other paths than look-ups. Default: `{}`. */
  readonly answers: Map<string, (body: Record<string, unknown>) => unknown>;
  /** Resolves when the verifier opens its next stream, with what it asked for; an opening that is not awaited is refused. */
  opened(): Promise<Stream>;
}

export interface Stream {
  readonly since: string | null;
  readonly mark: string | null;
  send(text: string): void;
  /** A beat, as of the server's clock. */
  beat(beat: { readonly seq: number; readonly clock: number; readonly asOf?: number; readonly mark?: string }): void;
  change(seq: number, kind: string, id: string, more?: object): void;
  end(): void;
}

export function toldServer(): ToldServer {
  const waiting: ((stream: Stream) => void)[] = [];
  const held: (() => void)[] = [];
  let mode: ToldServer['mode'] = 'answer';
  const server: ToldServer = {
    calls: [],
    callsTo: (path) => server.calls.filter((call) => call.path === path),
    tokens: new Map(),
    seq: 0,
    lookupsHeld: undefined,
    imports: [],
    mostAnswered: 100,
    notices: () => ({ seq: server.seq, workspace: 'ws_1', keys: [], items: [], next: null }),
    noticesAsked: [],
    noticesHeld: undefined,
    answers: new Map(),
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      for (const go of held.splice(0)) go();
    },
    opened: () => new Promise((resolve) => waiting.push(resolve)),
    async fetch(input, init) {
      const { pathname, searchParams } = new URL(String(input));
      if (pathname === '/v1/changes') {
        if (mode === 'forbid') return new Response('{}', { status: 401 });
        const resolve = waiting.shift();
        if (resolve === undefined || mode !== 'answer') throw new TypeError('fetch failed');
        const since = { since: searchParams.get('since'), mark: searchParams.get('mark') };
        return streamOf(since, init?.signal ?? undefined, resolve);
      }
      if (pathname === '/v1/notices') {
        if (mode === 'forbid') return new Response('{}', { status: 401 });
        if (mode !== 'answer') throw new TypeError('fetch failed');
        const after = searchParams.get('after') ?? '';
        server.noticesAsked.push(after);
        const told = server.notices(after);
        await server.noticesHeld;
        return Response.json(told);
      }
      const body = JSON.parse(String(init?.body)) as Record<string, unknown>;
      server.calls.push({ path: pathname, body });
      if (mode === 'hang')
        await new Promise<void>((go, reject) => {
          held.push(go);
          init?.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        });
      if (mode === 'refuse') throw new TypeError('fetch failed');
      if (mode === 'fail') return new Response('{}', { status: 503 });
      if (mode === 'forbid') return new Response('{}', { status: 401 });
      if (pathname !== '/v1/lookups') return Response.json(server.answers.get(pathname)?.(body) ?? {});
      const byDigest = new Map([...server.tokens].map(([text, facts]) => [onWire(text), facts]));
      const items = (body.digests as string[]).slice(0, server.mostAnswered).map((digest) => {
        const facts = byDigest.get(digest);
        return { digest, facts: facts === undefined ? null : factsToWire(facts) };
      });
      const told = { seq: server.seq, items, imports: server.imports };
      await server.lookupsHeld;
      return Response.json(told);
    },
  };
  return server;
}

/** A digest as the wire has it. */
export function onWire(text: string): string {
  return Buffer.from(digestBytes(digestKey(text))).toString('base64url');
}

/** Of changes in the first history of the server. */
export function markOf(seq: number): string {
  return `mark_${String(seq).padStart(11, '0')}`;
}

function streamOf(
  since: Pick<Stream, 'since' | 'mark'>,
  signal: AbortSignal | undefined,
  opened: (stream: Stream) => void,
): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      signal?.addEventListener('abort', () => controller.error(new DOMException('aborted', 'AbortError')));
      const send = (text: string): void => controller.enqueue(encoder.encode(text));
      opened({
        ...since,
        send,
        beat: ({ seq, clock, asOf = clock, mark = markOf(seq) }) =>
          send(`event: alive\ndata: ${JSON.stringify({ seq, mark, clock, asOf })}\n\n`),
        change: (seq, kind, id, more = {}) =>
          send(
            `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, mark: markOf(seq), kind, id, ...more })}\n\n`,
          ),
        end: () => controller.close(),
      });
    },
  });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
}

export interface Held extends AsyncDisposable {
  readonly verifier: RemoteVerifier;
  readonly server: ToldServer;
  /** The verifier's monotonic clock, in milliseconds. */
  now: number;
  verdict(text: string, requirement?: Requirement): Promise<Verdict>;
  code(text: string, requirement?: Requirement): Promise<string>;
  /** Resolves when the verifier has read everything that was sent to it. */
  settled(): Promise<void>;
}

export const AUDIENCE = 'https://api.example.test';

/** A verifier whose first stream is open and waits for its first beat. */
export async function following(more: Partial<VerifierOptions> = {}): Promise<Held & { readonly stream: Stream }> {
  const held = notFollowing(more);
  const stream = await held.opened;
  return Object.assign(held, { stream });
}

/** A verifier that asks for its first stream. */
export function notFollowing(more: Partial<VerifierOptions> = {}): Held & { readonly opened: Promise<Stream> } {
  const server = toldServer();
  const opened = server.opened();
  const state = { now: 1000 };
  const verifier = createVerifier({
    url: 'http://server.example.test',
    token: 'token-of-the-verifier',
    audience: AUDIENCE,
    fetch: server.fetch,
    monotonic: () => state.now,
    onEvent: () => {},
    ...more,
  });
  const verdict = async (text: string, requirement?: Requirement): Promise<Verdict> =>
    verifier.verify(
      { authorization: [`Bearer ${text}`], apiKey: [], query: '' },
      { requirement, circumstances: circumstances() },
    );
  return {
    verifier,
    server,
    opened,
    get now() {
      return state.now;
    },
    set now(time) {
      state.now = time;
    },
    verdict,
    code: async (text, requirement) => (await verdict(text, requirement)).code,
    // Streams are read in microtasks and turns of their own; some more than they need.
    async settled() {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    },
    // What is left to tell is taken at once.
    [Symbol.asyncDispose]() {
      server.mode = 'answer';
      return verifier.close();
    },
  };
}
