/** What counts requests for all doors: rates, places, quotas, credits and used proofs; over one node or many; and what stands in. */
import { type Clock, chain, type Limiter, memoryReplays, type Ports, type ReplayStore } from '@tessera/verify';
import { isForNodes } from './config/database-url.ts';
import type { Config } from './config/load.ts';
import type { Store } from './core/store-port.ts';
import { memoryConcurrency } from './limits/concurrency.ts';
import { followNodes, type LiveNodes } from './limits/live-nodes.ts';
import { memoryLimiter } from './limits/memory.ts';
import { memoryQuotas } from './limits/memory-quotas.ts';
import { shareOfLimits, shareOfPlaces } from './limits/node-share.ts';
import { storedQuotas } from './limits/quotas.ts';
import { createRefunds } from './limits/refunds.ts';
import { storedReplays } from './limits/stored-replays.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { type RedisCounting, startRedisCounting } from './redis-counting.ts';
import type { Sharing } from './sharing.ts';

export interface CountingParts {
  readonly config: Pick<Config, 'redisUrl' | 'redisCa' | 'redisCertificate' | 'redisKey' | 'databaseUrl'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What the threads of a process share; absent: there is one. */
  readonly sharing?: Pick<Sharing, 'workers' | 'limiter' | 'concurrency' | 'replays'>;
  readonly installation: string;
}

type CountingPorts = Pick<Ports, 'limiter' | 'quotas' | 'concurrency' | 'local' | 'onPolicyFault'>;

export interface Counting {
  readonly ports: CountingPorts;
  readonly replays: ReplayStore;
  /** Writes what is still to be given back. */
  stop(): Promise<void>;
}

/** Keys that stand-ins count at once: they serve an outage, not a day. */
const LOCAL_KEYS = 100_000;
/** Faults of policies come with every request; the metrics count them all. */
const LOG_EVERY_MS = 1000;

/** Throws StartRefused where the Redis that is configured must not count. */
export async function startCounting(parts: CountingParts): Promise<Counting> {
  const { config, store, clock, log, metrics, sharing, installation } = parts;
  const { redisUrl: url } = config;
  const redis = url === undefined ? undefined : await startRedisCounting({ ...parts, url, installation });
  const nodes = await nodesOf(parts, redis);
  const refunds = createRefunds({
    store,
    onRefund(outcome, err) {
      metrics.policies.refund(outcome);
      if (outcome === 'lost') log.warn({ err }, 'what an unserved request spent of a quota cannot be given back');
    },
  });
  // All that this process counts by itself is a share: it cannot know what the other nodes let pass.
  const limiter = shareOfLimits(sharing?.limiter ?? memoryLimiter({ clock }), nodes.share);
  const local = redis === undefined ? memoryLimiter({ clock, maxKeys: LOCAL_KEYS }) : limiter;
  let logged = Number.NEGATIVE_INFINITY;
  return {
    ports: {
      limiter: counted(redis?.limiter ?? limiter, metrics),
      quotas: storedQuotas({ store, clock, refunds }),
      concurrency: shareOfPlaces(sharing?.concurrency ?? memoryConcurrency(), nodes.share),
      local: { limiter: local, quotas: memoryQuotas({ clock }), concurrency: memoryConcurrency() },
      onPolicyFault({ policy, mode, error }) {
        metrics.policies.policyFault(policy, mode);
        // One that is closed refuses, and is logged as every other fault that does.
        if (mode === 'closed' || performance.now() - logged < LOG_EVERY_MS) return;
        logged = performance.now();
        log.error({ err: error, policy, mode }, 'a policy cannot be judged, and does not refuse');
      },
    },
    replays: replaysOf(parts, redis),
    async stop() {
      nodes.stop();
      await refunds.stop();
      await redis?.stop();
    },
  };
}

/** Warns of limits that several nodes divide among themselves, whenever there is another number of them. */
async function nodesOf(parts: CountingParts, redis: RedisCounting | undefined): Promise<LiveNodes> {
  const { config, store, log, metrics, sharing } = parts;
  const own = sharing?.workers ?? 1;
  // Processes on one SQLite file count each by itself.
  if (!isForNodes(config.databaseUrl)) return ALONE;
  return followNodes({
    store,
    own,
    onCount({ all }) {
      metrics.policies.liveNodes(all);
      if (redis === undefined && all > own)
        log.warn({ nodes: all }, 'several nodes count limits, each its share; TESSERA_REDIS_URL: one for all');
    },
  });
}

const ALONE: LiveNodes = Object.freeze({ share: () => ({ own: 1, all: 1 }), stop: () => undefined });

function replaysOf({ config, store, clock, sharing }: CountingParts, redis: RedisCounting | undefined): ReplayStore {
  const own = sharing?.replays ?? memoryReplays({ clock });
  if (redis !== undefined) return redis.replays(own);
  return isForNodes(config.databaseUrl) ? storedReplays({ store, own }) : own;
}

/** A limiter whose decisions show in the metrics. */
function counted(limiter: Limiter, metrics: Metrics): Limiter {
  return {
    take: (rules, cost, mode) =>
      chain(limiter.take(rules, cost, mode), (outcome) => {
        if (mode === 'spend') metrics.rateLimitDecision(outcome.allowed ? 'allowed' : 'refused');
        return outcome;
      }),
  };
}
