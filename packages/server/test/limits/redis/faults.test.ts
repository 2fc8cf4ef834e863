/** Redis that is killed, frozen, emptied, full or read-only: an error within 250 ms, never a guess, and no restart of ours. */
import { setImmediate as turnOver } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../../../../test/support/program.ts';
import { startRedis, type TestRedis } from '../../../../../test/support/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { redisLimiter } from '../../../src/limits/redis/limiter.ts';
import { type RedisLink, startRedisLink } from '../../../src/limits/redis/link.ts';
import { RedisAway } from '../../../src/limits/redis/patience.ts';
import { rule } from '../support.ts';
import { ownKeys } from './support.ts';

/** What a request may wait, and air for a busy machine: to the millisecond it is proved where the clock is held (patience.test.ts). */
const NOTICED_MS = 250 + 2_000;
const day = (limit: number) => rule({ limit, windowSeconds: 86_400 });

describeWith(['redis-server'], 'limits in a Redis that fails', () => {
  let redis: TestRedis;
  let link: RedisLink;
  let events: string[];
  let marks: Set<string>;

  beforeEach(async () => {
    redis = await startRedis();
    events = [];
    marks = new Set();
    link = await startRedisLink({
      url: redis.url,
      onAway: (reason) => events.push(`away: ${reason.message}`),
      onUp: () => events.push('up'),
    });
    await until(async () => link.isUp(), Boolean);
    events = ['up'];
  });
  afterEach(async () => {
    await link.stop();
    redis.thaw();
    await redis.close();
  });

  const limiter = () => redisLimiter({ link, keys: ownKeys(), onMark: (mark) => marks.add(mark) });
  /** How long until it was refused, and why; throws where it was not. */
  const refusal = async (take: Promise<unknown>): Promise<{ readonly error: Error; readonly ms: number }> => {
    const start = performance.now();
    try {
      await take;
    } catch (error) {
      return { error: error as Error, ms: performance.now() - start };
    }
    throw new Error('it was answered');
  };

  it('that is killed: refused at once, and counted again when it is back, by itself', async () => {
    const limits = limiter();
    await limits.take([day(10)], 1, 'spend');
    await redis.kill();
    await until(
      async () => link.isUp(),
      (up) => !up,
    );
    const { error, ms } = await refusal(Promise.resolve(limits.take([day(10)], 1, 'spend')));
    expect(error).toBeInstanceOf(RedisAway);
    expect(ms).toBeLessThan(NOTICED_MS);
    await redis.start();
    await until(async () => link.isUp(), Boolean);
    // It begins anew, which is at most one more window, and is told.
    expect((await limits.take([day(10)], 10, 'spend')).allowed).toBe(true);
    expect(marks.size).toBe(2);
    expect(events[0]).toBe('up');
    expect(events.slice(1, -1).every((event) => event.startsWith('away: '))).toBe(true);
    expect(events.at(-1)).toBe('up');
  });

  it('that is killed while requests wait: each of them hears of it', async () => {
    const limits = limiter();
    await limits.take([day(10)], 1, 'spend');
    redis.freeze();
    const waiting = Array.from({ length: 50 }, () => refusal(Promise.resolve(limits.take([day(10)], 1, 'spend'))));
    await redis.kill();
    for (const { error, ms } of await Promise.all(waiting)) {
      expect(error).toBeInstanceOf(RedisAway);
      expect(ms).toBeLessThan(NOTICED_MS);
    }
  });

  it('that is frozen: noticed within 250 ms, refused at once from then on, and counted again when it goes on', async () => {
    const limits = limiter();
    await limits.take([day(10)], 4, 'spend');
    redis.freeze();
    const first = await refusal(Promise.resolve(limits.take([day(10)], 1, 'spend')));
    expect(first.error).toEqual(new RedisAway('Redis does not answer'));
    expect(first.ms).toBeLessThan(NOTICED_MS);
    expect(first.ms).toBeGreaterThan(100);
    // Without a wait: in no later turn of the event loop.
    const second = refusal(Promise.resolve(limits.take([day(10)], 1, 'spend')));
    expect(await Promise.race([second, turnOver('later')])).toMatchObject({ error: expect.any(RedisAway) });
    redis.thaw();
    await until(async () => link.isUp(), Boolean);
    // What was refused may have been counted, and nothing was forgotten.
    const { states } = await limits.take([day(10)], 1, 'peek');
    expect([5, 6]).toContain(states[0]?.remaining);
    expect(marks.size).toBe(1);
  });

  it('that is emptied: counts from nothing, and says that it does', async () => {
    const limits = limiter();
    expect((await limits.take([day(3)], 3, 'spend')).allowed).toBe(true);
    expect((await limits.take([day(3)], 1, 'spend')).allowed).toBe(false);
    expect(marks.size).toBe(1);
    await redis.command('FLUSHALL');
    expect((await limits.take([day(3)], 3, 'spend')).allowed).toBe(true);
    expect((await limits.take([day(3)], 1, 'spend')).allowed).toBe(false);
    expect(marks.size).toBe(2);
  });

  it('that may not write, for want of replicas: refused, nothing spent, and counted again', async () => {
    const limits = limiter();
    await limits.take([day(10)], 1, 'spend');
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const { error, ms } = await refusal(Promise.resolve(limits.take([day(10)], 1, 'spend')));
    expect(error.message).toMatch(/NOREPLICAS/);
    expect(ms).toBeLessThan(NOTICED_MS);
    expect(link.isUp()).toBe(true);
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    expect((await limits.take([day(10)], 1, 'spend')).states[0]?.remaining).toBe(8);
  });

  it('that is full: refused whole, also where one of two counters is there already', async () => {
    const limits = limiter();
    const other = rule({ key: 'other', limit: 5, windowSeconds: 86_400 });
    await limits.take([day(10)], 1, 'spend');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    const { error } = await refusal(Promise.resolve(limits.take([day(10), other], 1, 'spend')));
    expect(error.message).toMatch(/OOM/);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    const { states } = await limits.take([day(10), other], 1, 'peek');
    expect(states.map(({ remaining }) => remaining)).toEqual([9, 5]);
  });

  it('that becomes a replica: refused, and not asked again before it is a primary', async () => {
    const limits = limiter();
    await limits.take([day(10)], 1, 'spend');
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    const { error } = await refusal(Promise.resolve(limits.take([day(10)], 1, 'spend')));
    expect(error.message).toMatch(/READONLY/);
    await until(
      async () => link.isUp(),
      (up) => !up,
    );
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await until(async () => link.isUp(), Boolean);
    expect((await limits.take([day(10)], 1, 'spend')).states[0]?.remaining).toBe(8);
  });

  it('and no request passes uncounted, whatever happens to it', async () => {
    const limits = limiter();
    const limit = day(1_000);
    let allowed = 0;
    const load = async (requests: number): Promise<void> => {
      const takes = Array.from({ length: requests }, async () => limits.take([limit], 1, 'spend'));
      for (const outcome of await Promise.allSettled(takes)) {
        if (outcome.status === 'fulfilled' && outcome.value.allowed) allowed += 1;
      }
    };
    const steps: readonly (() => unknown)[] = [
      () => redis.freeze(),
      () => redis.thaw(),
      () => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
      () => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
      () => redis.command('CLIENT', 'KILL', 'TYPE', 'normal'),
      () => redis.command('SCRIPT', 'FLUSH'),
    ];
    for (const step of steps) {
      const running = load(150);
      await step();
      await running;
      await load(20);
    }
    await until(async () => link.isUp(), Boolean);
    const left = async (): Promise<number | undefined> => {
      await load(150);
      const { states } = await limits.take([limit], 1, 'peek');
      return states[0]?.remaining;
    };
    // What is slow on a busy machine is counted and refused, or not asked.
    await until(
      () => left().catch(() => undefined),
      (remaining) => remaining === 0,
      30_000,
    );
    expect(allowed).toBeLessThanOrEqual(1_000);
    expect(allowed).toBeGreaterThan(100);
  });
});
