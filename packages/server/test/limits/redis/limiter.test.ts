/** Redis counts as memory does: the contract of every limiter, number for number; and exactly the limit for any number of nodes. */
import { describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../../../test/support/program.ts';
import { limiterContract } from '../limiter-contract.ts';
import { limiterProperties } from '../limiter-properties.ts';
import type { NamedLimiter } from '../limiters.ts';
import { rule } from '../support.ts';
import { limiterByHand, limiterOver, linkTo, ownKeys, redisOfBlock } from './support.ts';

describeWith(['redis-server'], 'limits in Redis', () => {
  const held = redisOfBlock();

  const inRedis: NamedLimiter = { name: 'in Redis', make: ({ clock }) => limiterByHand(held.link, clock) };
  limiterContract(inRedis);
  limiterProperties(inRedis, 150);

  describe('by the time of the server', () => {
    it('R-1: lets exactly 100 of 600 requests at once pass, over three nodes', async () => {
      const keys = ownKeys();
      const links = await Promise.all([1, 2, 3].map(() => linkTo(held.redis.url)));
      const nodes = links.map((one) => limiterOver(one, keys));
      const day = rule({ limit: 100, windowSeconds: 86_400 });
      const outcomes = await Promise.all(
        Array.from({ length: 600 }, async (_, index) => nodes[index % 3]?.take([day], 1, 'spend')),
      );
      expect(outcomes.filter((outcome) => outcome?.allowed)).toHaveLength(100);
      await Promise.all(links.map((one) => one.stop()));
    });

    it('whatever the clock of a node says', async () => {
      const keys = ownKeys();
      const few = rule({ limit: 2, windowSeconds: 3600 });
      const takeAt = (hours: number) => {
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 });
        return limiterOver(held.link, keys).take([few], 1, 'spend');
      };
      const allowed: boolean[] = [];
      for (const hours of [0, -24, 24, 48]) {
        allowed.push((await takeAt(hours)).allowed);
        vi.useRealTimers();
      }
      expect(allowed).toEqual([true, true, false, false]);
    });

    it('drains as time passes, and keeps nothing of what is drained', async () => {
      const keys = ownKeys();
      const limiter = limiterOver(held.link, keys);
      const quick = rule({ limit: 1000, windowSeconds: 1, burst: 20 });
      expect((await limiter.take([quick], 20, 'spend')).allowed).toBe(true);
      const key = keys.limit(quick.key);
      expect(Number(await held.redis.command('PTTL', key))).toBeLessThanOrEqual(20);
      await expect.poll(() => held.redis.command('EXISTS', key)).toBe(0);
      expect((await limiter.take([quick], 20, 'spend')).allowed).toBe(true);
    });

    it('counts on where Redis has forgotten the script', async () => {
      const limiter = limiterOver(held.link);
      const few = rule({ limit: 2, windowSeconds: 86_400 });
      expect((await limiter.take([few], 1, 'spend')).allowed).toBe(true);
      await held.redis.command('SCRIPT', 'FLUSH');
      expect((await limiter.take([few], 1, 'spend')).allowed).toBe(true);
      expect((await limiter.take([few], 1, 'spend')).allowed).toBe(false);
    });

    it('keeps all keys of a request in one slot, whatever they count by', async () => {
      const keys = ownKeys();
      const all = [
        keys.mark('{a}'),
        keys.limit('token:tok_1:a'),
        keys.limit('route:r:{b}|2001:db8::/64'),
        keys.claim('k|{j}'),
      ];
      const tags = all.map((key) => key.slice(0, key.indexOf('}') + 1));
      expect(new Set(tags).size).toBe(1);
      expect(tags[0]).toMatch(/^\{tessera:[0-9a-f-]+\}$/);
    });

    it('leaves nothing behind of a `peek`', async () => {
      const keys = ownKeys();
      await limiterOver(held.link, keys).take([rule()], 1, 'peek');
      expect(await held.redis.command('EXISTS', keys.mark('{a}'), keys.limit(rule().key))).toBe(0);
    });
  });
});
