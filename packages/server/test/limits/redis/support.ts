/** A link to a real Redis, and a limiter over it that follows a clock that is set by hand. */
import { randomUUID } from 'node:crypto';
import type { Clock, Limiter } from '@tessera/verify';
import { afterAll, beforeAll } from 'vitest';
import { startRedis, type TestRedis } from '../../../../../test/support/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { connectTo } from '../../../src/limits/redis/connection.ts';
import { gcraScript } from '../../../src/limits/redis/gcra-script.ts';
import { type Keys, redisKeys } from '../../../src/limits/redis/keys.ts';
import { redisLimiter } from '../../../src/limits/redis/limiter.ts';
import { type RedisLink, startRedisLink } from '../../../src/limits/redis/link.ts';
import type { patience } from '../../../src/limits/redis/patience.ts';
import { type Script, script } from '../../../src/limits/redis/script.ts';

export const ignored = (): void => undefined;

/** What is counted is the subject here: a Redis that a busy machine keeps from answering in time is waited for. */
const forEver: typeof patience = () => ({ wait: (command) => command(), end: ignored });

export async function linkTo(url: string): Promise<RedisLink> {
  const connect = (at: string) => connectTo(at, {}, forEver);
  const link = await startRedisLink({ url, connect, onAway: ignored, onUp: ignored });
  await until(async () => link.isUp(), Boolean);
  return link;
}

interface LinkedRedis {
  readonly redis: TestRedis;
  readonly link: RedisLink;
}

/** A Redis for the tests of a block, and a link to it: there from its first test to its last. */
export function redisOfBlock(): LinkedRedis {
  let linked: Partial<LinkedRedis> = {};
  beforeAll(async () => {
    const redis = await startRedis();
    linked = { redis };
    linked = { redis, link: await linkTo(redis.url) };
  });
  afterAll(async () => {
    await linked.link?.stop();
    await linked.redis?.close();
  });
  return {
    get redis() {
      return started(linked.redis);
    },
    get link() {
      return started(linked.link);
    },
  };
}

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('Redis is started before the first test, not while tests are gathered');
  return value;
}

/** Keys of nobody else. */
export function ownKeys(): Keys {
  return redisKeys(randomUUID());
}

export function limiterOver(link: RedisLink, keys: Keys = ownKeys()): Limiter {
  return redisLimiter({ link, keys, onMark: ignored });
}

/** The script as it is, but for the clock and for what time by itself takes away. */
const BY_HAND = byHand();

function byHand(): Script {
  const { text } = gcraScript('\nlocal now = tonumber(ARGV[#ARGV])\n');
  const lasting = text.replace(", 'PX', text(math.ceil(backlog / limit))", '');
  if (lasting === text) throw new Error('the script keeps its counters in other words now');
  return script(lasting);
}

export function limiterByHand(link: RedisLink, clock: Clock): Limiter {
  return redisLimiter({
    link: { ...link, run: (code, keys, args) => link.run(code, keys, [...args, String(clock.now())]) },
    keys: ownKeys(),
    onMark: ignored,
    script: BY_HAND,
  });
}
