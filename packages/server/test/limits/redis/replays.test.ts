/** A proof that was used is not used again, on whichever node and by whichever clock. */
import { memoryReplays } from '@tessera/verify';
import { LONGEST_CLAIM_MS } from '@tessera/verify/jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../../../test/support/program.ts';
import { startRedis, type TestRedis } from '../../../../../test/support/redis.ts';
import type { RedisLink } from '../../../src/limits/redis/link.ts';
import { redisReplays } from '../../../src/limits/redis/replays.ts';
import { ignored, linkTo, ownKeys } from './support.ts';

describeWith(['redis-server'], 'used proofs in Redis', () => {
  let redis: TestRedis;
  let link: RedisLink;
  beforeAll(async () => {
    redis = await startRedis();
    link = await linkTo(redis.url);
  });
  afterAll(async () => {
    await link.stop();
    await redis.close();
  });

  const keys = ownKeys();
  /** Milliseconds ahead of the clock of everybody else. */
  const node = (ahead: number) => {
    const clock = { now: () => Date.now() + ahead };
    const own = memoryReplays({ clock });
    return redisReplays({ link, keys, own, clock, longestMs: LONGEST_CLAIM_MS, onMark: ignored });
  };
  const lastsOf = async (claim: string) => Number(await redis.command('PTTL', keys.claim(claim)));

  it('are claimed once by all nodes, and for as long as one whose clock is behind would take them', async () => {
    // Redis has counted for long enough: nothing can have been forgotten.
    await redis.command('SET', keys.mark(link.server()), '1');
    const until = Date.now() + 30_000;
    expect(await node(29_000).claim('first', until)).toBe(true);
    expect(await node(0).claim('first', until)).toBe(false);
    // By the clock of the node that claimed it, it is over in a second.
    expect(await lastsOf('first')).toBeGreaterThan(29_000);
    expect(await lastsOf('first')).toBeLessThanOrEqual(301_000);
  });
});
