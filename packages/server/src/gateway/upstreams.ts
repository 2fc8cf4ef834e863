/** Connections to upstreams: one pool for each origin, which goes to that origin and nowhere else. */
import { type Dispatcher, Pool } from 'undici';
import type { Target } from '../core/compiled-route.ts';

export interface UpstreamOptions {
  readonly connectTimeoutMs: number;
  /** Until the upstream begins to answer. */
  readonly headersTimeoutMs: number;
  /** Silence inside an answer; streams of events are silent for long. */
  readonly bodyTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
}

const DEFAULTS: UpstreamOptions = {
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 60_000,
  bodyTimeoutMs: 300_000,
  maxConnections: 1024,
  maxHeaderBytes: 16_384,
};

export interface Upstreams {
  /** The connections to one of the targets, chosen by weight. There is at least one target. */
  pick(targets: readonly Target[]): Dispatcher;
  /** Closes the pools of all other origins as soon as their last request has ended: the routes were reloaded. */
  retain(targets: readonly Target[]): void;
  /** Ends when every running request has. */
  close(): Promise<void>;
}

export function upstreams(parts: Partial<UpstreamOptions> = {}, random: () => number = Math.random): Upstreams {
  const options = Object.freeze({ ...DEFAULTS, ...parts });
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known !== undefined) return known;
    const pool = connect(origin, options);
    pools.set(origin, pool);
    return pool;
  };
  return {
    pick: (targets) => poolOf(choose(targets, random)),
    retain(targets) {
      const kept = new Set(targets.map(({ url }) => url));
      for (const [origin, pool] of pools) {
        if (kept.has(origin)) continue;
        pools.delete(origin);
        void pool.close();
      }
    },
    async close() {
      const closing = [...pools.values()].map((pool) => pool.close());
      pools.clear();
      await Promise.all(closing);
    },
  };
}

function connect(origin: string, options: UpstreamOptions): Pool {
  return new Pool(origin, {
    connections: options.maxConnections,
    // One request at a time on a connection: an upstream that misframes one answer cannot shift the next.
    pipelining: 1,
    allowH2: false,
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.headersTimeoutMs,
    bodyTimeout: options.bodyTimeoutMs,
    maxHeaderSize: options.maxHeaderBytes,
    strictContentLength: true,
  });
}

function choose(targets: readonly Target[], random: () => number): string {
  const [first] = targets;
  if (first === undefined) throw new RangeError('a route without targets');
  if (targets.length === 1) return first.url;
  let left = random() * targets.reduce((total, { weight }) => total + weight, 0);
  for (const { url, weight } of targets) {
    left -= weight;
    if (left < 0) return url;
  }
  return first.url;
}
