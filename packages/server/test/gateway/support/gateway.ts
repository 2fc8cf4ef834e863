/** A gateway on a free port, with real ports of the decision and a recording upstream behind it. */
import { generate } from '@tessera/token';
import {
  type DenialCode,
  digestKey,
  type ForwardedHeader,
  memoryLookup,
  type Ports,
  type TokenFacts,
  type TrustedProxies,
  trustedProxies,
  type Verdict,
} from '@tessera/verify';
import type { Assertions } from '../../../src/core/assertions.ts';
import type { RouteConfig } from '../../../src/core/compiled-route.ts';
import type { DoorCall, FailedCredentials } from '../../../src/core/door-ports.ts';
import type { Exposures } from '../../../src/core/exposures.ts';
import { type LiveCalls, liveCalls } from '../../../src/core/live-calls.ts';
import type { Change } from '../../../src/core/model.ts';
import { addressSet, type HostNames, namedAddressRule } from '../../../src/core/named-addresses.ts';
import { compileRoutes } from '../../../src/core/routes.ts';
import { forwardAuthHandler } from '../../../src/forward-auth/handler.ts';
import { gatewayHandler } from '../../../src/gateway/handler.ts';
import { type Upstreams, type UpstreamsOptions, upstreams } from '../../../src/gateway/upstreams/upstreams.ts';
import { asksForWebSocket } from '../../../src/gateway/websocket.ts';
import { edgeOptions } from '../../../src/http/edge.ts';
import { listen } from '../../../src/http/listen.ts';
import type { ListenLimits, ListenOptions } from '../../../src/http/listen-options.ts';
import { memoryLimiter } from '../../../src/limits/memory.ts';
import { answerOf, exchange, type RawAnswer } from './raw-client.ts';
import { type RecordingUpstream, recordingUpstream } from './recording-upstream.ts';

export const WORKSPACE = 'ws_default';
export const TOKEN = generate({ prefix: 'tsr', environment: 'live' });
export const UNKNOWN = generate({ prefix: 'tsr', environment: 'live' });

export interface Recorded extends Omit<DoorCall, 'seconds'> {
  readonly code: Verdict['code'];
}

export interface TestGateway {
  readonly port: number;
  readonly upstream: RecordingUpstream;
  readonly pools: Upstreams;
  readonly recorded: Recorded[];
  readonly verdicts: Verdict[];
  /** Of each call, whether it passed in spite of its verdict. */
  readonly lettingThrough: (boolean | undefined)[];
  /** The request of each that was recorded, as the access log is told. */
  readonly requests: DoorCall['request'][];
  /** Of each preflight that was answered, whether it was permitted. */
  readonly preflights: boolean[];
  readonly faults: unknown[];
  readonly upstreamFaults: Error[];
  /** Why calls were cut while they lasted. */
  readonly cuts: DenialCode[];
  /** Guesses by address. */
  readonly guesses: Map<string, number>;
  readonly live: LiveCalls;
  /** Makes another token known; returns its text. With a text, what is known of that one changes. */
  mint(parts: Partial<TokenFacts>, text?: string): string;
  /** Tells of a change, as the feed does. */
  changed(change: Pick<Change, 'kind' | 'id'> | 'missed'): void;
  /** Whether changes can be heard of. */
  hears: boolean;
  /** Sends one request with the good token and waits for the end of the connection. */
  get(path: string, fields?: readonly string[]): Promise<RawAnswer>;
  /** Writes exactly these bytes and waits for the end of the connection. */
  raw(bytes: string): Promise<RawAnswer>;
  close(): Promise<void>;
}

export interface TestOptions {
  readonly routes?: (upstream: string) => readonly RouteConfig[];
  readonly trusted?: readonly string[];
  readonly trustedHops?: number;
  /** What is known of host names in address lists. */
  readonly names?: HostNames;
  readonly forwardedHeader?: ForwardedHeader;
  readonly ports?: Partial<Ports>;
  readonly limits?: Partial<ListenLimits>;
  readonly uploadStallMs?: number;
  readonly tunnelIdleMs?: number;
  readonly assertions?: Assertions;
  readonly boundMs?: number;
  readonly upstreamOptions?: Partial<UpstreamsOptions>;
  readonly maxGuesses?: number;
  readonly door?: 'gateway' | 'forward-auth';
  /** Of the listener: TLS, or in clear from outside. */
  readonly listening?: Pick<ListenOptions, 'tls' | 'exposed'>;
  readonly exposures?: Exposures;
}

const everything = (url: string): readonly RouteConfig[] => [
  { name: 'all', match: { path: '/*' }, upstream: { targets: [{ url, weight: 1 }] } },
];

export async function testGateway(options: TestOptions = {}): Promise<TestGateway> {
  const upstream = await recordingUpstream();
  const clock = { now: () => Date.now() };
  const tokens = memoryLookup();
  const mint = (parts: Partial<TokenFacts>, text = generate({ prefix: 'tsr', environment: 'live' })): string => {
    tokens.add(text, factsOf(text, parts));
    return text;
  };
  mint({}, TOKEN);
  const faults: unknown[] = [];
  const preflights: boolean[] = [];
  const upstreamFaults: Error[] = [];
  const recorded: Recorded[] = [];
  const verdicts: Verdict[] = [];
  const lettingThrough: (boolean | undefined)[] = [];
  const requests: DoorCall['request'][] = [];
  const guesses = new Map<string, number>();
  const ports: Ports = {
    tokens,
    limiter: memoryLimiter({ clock }),
    clock,
    onFault: (error) => faults.push(error),
    ...options.ports,
  };
  const failed: FailedCredentials = {
    blocked: (address) => ((guesses.get(address) ?? 0) >= (options.maxGuesses ?? Infinity) ? 60 : 0),
    failed: (address) => guesses.set(address, (guesses.get(address) ?? 0) + 1),
  };
  let hears = true;
  const listeners = new Set<(change: Change | 'missed') => void>();
  const live = liveCalls({
    ports,
    feed: {
      fresh: () => hears,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    boundMs: options.boundMs ?? 5000,
    tickMs: 20,
    onCut: ({ code }) => cuts.push(code),
  });
  const cuts: DenialCode[] = [];
  const pools = upstreams(options.upstreamOptions);
  const { names } = options;
  const table = compileRoutes((options.routes ?? everything)(upstream.origin), {
    workspace: WORKSPACE,
    ...(names && { addressRule: (label, lists) => namedAddressRule(label, lists, names) }),
  });
  pools.follow(table.routes);
  const common = {
    routes: () => table,
    edge: edgeOptions({ trusted: trustedOf(options) }),
    ports,
    failed,
    record: {
      verdict: (verdict: Verdict, { door, route, status, request, letThrough }: DoorCall) => {
        verdicts.push(verdict);
        lettingThrough.push(letThrough);
        recorded.push({ door, route, status, code: verdict.code });
        requests.push(request);
      },
    },
  };
  const handler =
    options.door === 'forward-auth'
      ? forwardAuthHandler(common)
      : gatewayHandler({
          ...common,
          live,
          ...(options.exposures !== undefined && { exposures: options.exposures }),
          assertions: options.assertions,
          upstreams: pools,
          onPreflight: (isPermitted) => preflights.push(isPermitted),
          log: { upstreamFailed: ({ error }) => upstreamFaults.push(error) },
          ...(options.uploadStallMs !== undefined && { uploadStallMs: options.uploadStallMs }),
          ...(options.tunnelIdleMs !== undefined && { tunnelIdleMs: options.tunnelIdleMs }),
        });
  const listener = await listen({
    handler,
    host: '127.0.0.1',
    port: 0,
    onError: (error) => faults.push(error),
    mayUpgrade: asksForWebSocket,
    ...options.listening,
    limits: { requestTimeoutMs: 0, ...options.limits },
  });
  const raw = (bytes: string) => answerOf(exchange(listener.port, bytes));
  return {
    port: listener.port,
    upstream,
    pools,
    recorded,
    verdicts,
    lettingThrough,
    requests,
    preflights,
    faults,
    upstreamFaults,
    guesses,
    cuts,
    live,
    mint,
    changed(change) {
      const told = change === 'missed' ? change : { seq: 1, at: 0, workspace: WORKSPACE, ...change };
      for (const listener of listeners) listener(told);
    },
    get hears() {
      return hears;
    },
    set hears(can) {
      hears = can;
    },
    raw,
    get: (path, fields = [`Authorization: Bearer ${TOKEN}`]) =>
      raw(['GET', ' ', path, ' HTTP/1.1\r\n', lines('Host: a.test', ...fields, 'Connection: close')].join('')),
    async close() {
      await listener.close(0);
      live.stop();
      await upstream.close();
      await pools.close();
    },
  };
}

function trustedOf({ trusted = [], trustedHops, forwardedHeader, names }: TestOptions): TrustedProxies {
  return trustedProxies(trusted, {
    ...(forwardedHeader && { header: forwardedHeader }),
    ...(trustedHops && { hops: trustedHops }),
    ...(names && { setOf: (entries) => addressSet(entries, names) }),
  });
}

/** A header section from its fields. */
export function lines(...fields: readonly string[]): string {
  return [...fields.map((field) => `${field}\r\n`), '\r\n'].join('');
}

export function factsOf(text: string, parts: Partial<TokenFacts>): TokenFacts {
  return {
    id: 'tok_1',
    kind: 'api_key',
    name: 'test',
    workspace: { id: WORKSPACE, enabled: true },
    owner: { id: 'own_1', type: 'service', roles: [], enabled: true },
    api: { id: 'api_1', audience: 'https://api.test' },
    environment: 'live',
    scopes: ['orders:read', 'orders:list'],
    expiresAt: undefined,
    secret: { key: digestKey(text), state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    notBefore: undefined,
    limits: [],
    quotas: [],
    addresses: [],
    boundKey: undefined,
    ...parts,
  };
}
