/** What is counted in Redis, over all nodes: built once, watched, and told of in log and metrics. */
import { type Clock, type Limiter, type ReplayStore, wakefulClock } from '@tessera/verify';
import { LONGEST_CLAIM_MS } from '@tessera/verify/jose';
import { StartRefused } from './core/start-refused.ts';
import { givenShares } from './limits/given-shares.ts';
import { connectTo } from './limits/redis/connection.ts';
import { redisKeys } from './limits/redis/keys.ts';
import { redisLimiter } from './limits/redis/limiter.ts';
import { type RedisLink, startRedisLink } from './limits/redis/link.ts';
import { RedisAway } from './limits/redis/patience.ts';
import { RedisUnsuitable } from './limits/redis/refusals.ts';
import { redisReplays } from './limits/redis/replays.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { type LoadedRedisTls, loadRedisTls, type RedisTlsFiles } from './redis-tls.ts';

export interface RedisCountingParts {
  readonly url: string;
  readonly config: RedisTlsFiles;
  /** Names the installation among all that use this Redis; the same on each of its nodes. */
  readonly installation: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface RedisCounting {
  /** Exact limits each time, approximate ones in shares. */
  readonly limiter: Limiter;
  /** @param own the claims of this process */
  replays(own: ReplayStore): ReplayStore;
  stop(): Promise<void>;
}

/** A Redis that is away is no reason not to start: each limit does what it says for that. @throws StartRefused where it must not count */
export async function startRedisCounting(parts: RedisCountingParts): Promise<RedisCounting> {
  const { url, installation, clock, log, metrics } = parts;
  for (const problem of tlsOf(parts).warnings) log.warn({ problem }, 'the certificate that Redis is shown');
  const link = await startRedisLink({
    url,
    // Read for each connection: what was renewed meanwhile is what the next one is made with.
    connect: async () => connectTo(url, tlsOf(parts).tls),
    onAway: (err) =>
      log.error({ err }, 'Redis is away: limits do what their onFault says, and used proofs are refused'),
    onUp: () => log.info('limits are counted in Redis'),
  }).catch((error: unknown) => {
    throw error instanceof RedisUnsuitable ? new StartRefused(`redisUrl: ${error.message}`) : error;
  });
  metrics.redis.follow(link.isUp);
  const watched: Pick<RedisLink, 'run' | 'server'> = {
    server: link.server,
    run: (script, keys, args) =>
      link.run(script, keys, args).catch((error: unknown) => {
        metrics.redis.fault(error instanceof RedisAway ? 'away' : 'refused');
        throw error;
      }),
  };
  const keys = redisKeys(installation);
  let since = 0;
  const onMark = (mark: string): void => {
    const told = Number(mark);
    if (told <= since) return;
    if (since > 0) {
      metrics.redis.reset();
      log.warn(
        'Redis was emptied, restarted or replaced: what it counts may begin anew, by one more burst of each limit',
      );
    }
    since = told;
  };
  const limiter = redisLimiter({ link: watched, keys, onMark });
  return {
    // A share must not outlast a sleep of the machine.
    limiter: givenShares({
      limiter,
      monotonic: wakefulClock({ monotonic: () => performance.now(), wall: clock.now }),
    }),
    replays: (own) => redisReplays({ link: watched, keys, own, clock, longestMs: LONGEST_CLAIM_MS, onMark }),
    stop: link.stop,
  };
}

/** @throws StartRefused, which after the start is no more than the reason why Redis is away */
function tlsOf({ config, clock }: RedisCountingParts): LoadedRedisTls & { readonly ok: true } {
  const loaded = loadRedisTls(config, clock.now());
  if (!loaded.ok) throw new StartRefused(`${loaded.setting}: ${loaded.problem}`);
  return loaded;
}
