/** Upstreams without a gateway: which target a request would be given, on a clock that a test turns. */
import { compileUpstream, type UpstreamConfig } from '../../../src/core/compiled-upstream.ts';
import type { Target } from '../../../src/gateway/upstreams/target.ts';
import type { NoTarget, Upstream } from '../../../src/gateway/upstreams/upstream.ts';
import { type Upstreams, upstreams } from '../../../src/gateway/upstreams/upstreams.ts';

export interface Bench {
  readonly pools: Upstreams;
  /** In order: `a in`, `a out`, by the first letter of the host. */
  readonly changes: string[];
  /** Milliseconds that have passed. */
  now: number;
  /** The upstream of the one route, `r`, from now on. */
  configure(config: UpstreamConfig): Upstream;
}

export function bench(): Bench {
  const changes: string[] = [];
  const made: Bench = {
    changes,
    now: 0,
    pools: upstreams({
      now: () => made.now,
      events: {
        serviceChanged: ({ target, inService }) => changes.push(`${letter(target)} ${inService ? 'in' : 'out'}`),
        healthChanged() {},
      },
    }),
    configure(config) {
      const route = { name: 'r', upstream: compileUpstream(config) };
      made.pools.follow([route]);
      return made.pools.of(route);
    },
  };
  return made;
}

/** Targets whose hosts are these letters; nothing listens there. */
export function targets(letters: string, parts: Readonly<Record<string, object>> = {}) {
  return [...letters].map((one) => ({ url: `http://${one}.invalid`, ...parts[one] }));
}

export function isTarget(picked: Target | NoTarget): picked is Target {
  return 'url' in picked;
}

/** The target that the next request is given to. */
export function given(upstream: Upstream): Target {
  const picked = upstream.pick();
  if (!isTarget(picked)) throw new Error(`no target: ${picked.none}`);
  return picked;
}

/** The targets of so many requests, each ended before the next, as letters. */
export function turns(upstream: Upstream, count: number): string {
  return Array.from({ length: count }, () => {
    const target = given(upstream);
    target.settle('good', target.term, 200);
    return letter(target.url);
  }).join('');
}

/** How often each letter is in a text. */
export function tally(text: string): Record<string, number> {
  return Object.fromEntries([...new Set(text)].sort().map((one) => [one, text.split(one).length - 1]));
}

function letter(url: string): string {
  return url.slice('http://'.length, 'http://'.length + 1);
}
