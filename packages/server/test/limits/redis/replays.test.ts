/** A proof that was used is not used again, on whichever node and by whichever clock. */
import { memoryReplays } from '@tessera/verify';
import { LONGEST_CLAIM_MS } from '@tessera/verify/jose';
import { expect, it } from 'vitest';
import { describeWith } from '../../../../../test/support/program.ts';
import { redisReplays } from '../../../src/limits/redis/replays.ts';
import { ignored, ownKeys, redisOfBlock } from './support.ts';

describeWith(['redis-server'], 'used proofs in Redis', () => {
  const held = redisOfBlock();

  const keys = ownKeys();
  /** Milliseconds ahead of the clock of everybody else. */
  const node = (ahead: number) => {
    const clock = { now: () => Date.now() + ahead };
    const own = memoryReplays({ clock });
    return redisReplays({ link: held.link, keys, own, clock, longestMs: LONGEST_CLAIM_MS, onMark: ignored });
  };
  const lastsOf = async (claim: string) => Number(await held.redis.command('PTTL', keys.claim(claim)));

  it('are claimed once by all nodes, and for as long as one whose clock is behind would take them', async () => {
    // Redis has counted for long enough: nothing can have been forgotten.
    await held.redis.command('SET', keys.mark(held.link.server()), '1');
    const until = Date.now() + 30_000;
    expect(await node(29_000).claim('first', until)).toBe(true);
    expect(await node(0).claim('first', until)).toBe(false);
    // By the clock of the node that claimed it, it is over in a second.
    expect(await lastsOf('first')).toBeGreaterThan(29_000);
    expect(await lastsOf('first')).toBeLessThanOrEqual(301_000);
  });
});
