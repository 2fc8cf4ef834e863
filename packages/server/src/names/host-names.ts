/** Host names of address lists, looked up in the background: what is known is always at hand, and as fresh as its TTL asks. */
import type { RecordWithTtl } from 'node:dns';
import type { HostNames } from '../core/named-addresses.ts';

/** The part of a resolver of node:dns/promises that is used. */
export interface Resolver {
  resolve4(name: string, options: { readonly ttl: true }): Promise<RecordWithTtl[]>;
  resolve6(name: string, options: { readonly ttl: true }): Promise<RecordWithTtl[]>;
}

export interface HostNamesOptions {
  readonly resolver: Resolver;
  /** Milliseconds on a clock that only goes forward. */
  readonly monotonic: () => number;
  /** Hears of the first failure in a row. Must not throw, as the others. */
  readonly onFailure: (name: string, error: unknown) => void;
  /** Hears of the first answer after failures. */
  readonly onRecovery: (name: string) => void;
  readonly onLookup: (outcome: 'answered' | 'failed') => void;
  readonly bounds?: Partial<LookupBounds>;
}

/** Milliseconds. */
export interface LookupBounds {
  /** Until an answer is asked for again: its TTL, but not less and not more than these. */
  readonly shortestMs: number;
  readonly longestMs: number;
  /** After a failure; doubled with each further one, up to `shortestMs`. */
  readonly retryMs: number;
  /** How long an answer is believed while the resolver fails. */
  readonly keptMs: number;
}

const BOUNDS: LookupBounds = Object.freeze({
  shortestMs: 30_000,
  longestMs: 3_600_000,
  retryMs: 1_000,
  keptMs: 86_400_000,
});

export interface FollowedNames extends HostNames {
  /** Looks up these names from now on, and no others. Resolves when each of them was answered, or failed, once. */
  follow(names: Iterable<string>): Promise<void>;
  /** How many names have no addresses now. */
  unresolved(): number;
  stop(): void;
}

interface Followed {
  readonly name: string;
  addresses: readonly string[] | undefined;
  /** When they were answered. */
  at: number;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  /** Ends with the first answer or failure. */
  readonly first: Promise<void>;
}

export function hostNames(options: HostNamesOptions): FollowedNames {
  const { resolver, monotonic, onFailure, onRecovery, onLookup } = options;
  const bounds = Object.freeze({ ...BOUNDS, ...options.bounds });
  const followed = new Map<string, Followed>();
  let version = 0;

  const settle = (one: Followed, addresses: readonly string[] | undefined): void => {
    if (String(one.addresses) === String(addresses)) return;
    one.addresses = addresses;
    version += 1;
  };
  const again = (one: Followed, delayMs: number): void => {
    // Dropped while its answer was on the way.
    if (followed.get(one.name) !== one) return;
    one.timer = setTimeout(() => void lookUp(one), delayMs).unref();
  };
  const lookUp = async (one: Followed): Promise<void> => {
    try {
      const { addresses, ttlMs } = await addressesOf(one.name, resolver);
      onLookup('answered');
      if (one.failures > 0) onRecovery(one.name);
      one.failures = 0;
      one.at = monotonic();
      settle(one, addresses);
      again(one, Math.min(Math.max(ttlMs, bounds.shortestMs), bounds.longestMs));
    } catch (error) {
      onLookup('failed');
      one.failures += 1;
      if (one.failures === 1) onFailure(one.name, error);
      if (monotonic() - one.at > bounds.keptMs) settle(one, undefined);
      again(one, Math.min(bounds.retryMs * 2 ** Math.min(one.failures - 1, 30), bounds.shortestMs));
    }
  };
  const begin = (name: string): Followed => {
    const first = Promise.withResolvers<void>();
    const one: Followed = {
      name,
      addresses: undefined,
      at: Number.NEGATIVE_INFINITY,
      failures: 0,
      timer: undefined,
      first: first.promise,
    };
    followed.set(name, one);
    void lookUp(one).then(first.resolve);
    return one;
  };
  const drop = (one: Followed): void => {
    followed.delete(one.name);
    clearTimeout(one.timer);
    version += 1;
  };

  return Object.freeze({
    addressesOf: (name: string) => followed.get(name)?.addresses,
    version: () => version,
    unresolved: () => [...followed.values()].filter(({ addresses }) => addresses === undefined).length,
    async follow(names: Iterable<string>) {
      const wanted = new Set(names);
      for (const one of [...followed.values()]) if (!wanted.has(one.name)) drop(one);
      await Promise.all([...wanted].map((name) => (followed.get(name) ?? begin(name)).first));
    },
    stop() {
      for (const one of [...followed.values()]) drop(one);
    },
  });
}

/** Both families, or an error: half an answer would deny half of a name. A name without any address is a failure too. */
async function addressesOf(
  name: string,
  resolver: Resolver,
): Promise<{ readonly addresses: readonly string[]; readonly ttlMs: number }> {
  const families = await Promise.all([
    resolver.resolve4(name, { ttl: true }).catch(none),
    resolver.resolve6(name, { ttl: true }).catch(none),
  ]);
  const records = families.flat();
  if (records.length === 0) throw new Error(`${name} has no address`);
  // In one order: servers turn theirs around with every answer, and that is no change.
  const addresses = [...new Set(records.map(({ address }) => address))].sort();
  return { addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000 };
}

/** Answers that say so: there is no record of this type, or no such name. */
function none(error: unknown): readonly RecordWithTtl[] {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENODATA' || code === 'ENOTFOUND') return [];
  throw error;
}
