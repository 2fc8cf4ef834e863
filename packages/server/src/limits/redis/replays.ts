/** What is single-use is used once over all nodes: the proofs that were seen, in Redis. */
import type { Clock, ReplayStore } from '@tessera/verify';
import type { Keys } from './keys.ts';
import type { RedisLink } from './link.ts';
import { AS_TEXT, READ_MARK, SERVER_TIME, script } from './script.ts';

export interface RedisReplaysOptions {
  readonly link: Pick<RedisLink, 'run' | 'server'>;
  readonly keys: Keys;
  /** The claims of this process: who fills it is stopped here, before Redis is asked. */
  readonly own: ReplayStore;
  readonly clock: Clock;
  /** No claim is ever made for longer. */
  readonly longestMs: number;
  /** Hears with each answer since when Redis has counted. Must not throw. */
  readonly onMark: (mark: string) => void;
}

/**
 * By how much clocks of nodes may differ. For so long a claim outlives its end: another node, whose clock is behind that of the
 * one that made it, would take the proof for as much longer. Milliseconds, as in the store.
 */
const CLOCKS_DIFFER = 300_000;

const CLAIMED = 1;
const TAKEN = 0;

/**
 * KEYS: the mark, the claim. ARGV: for how many milliseconds it is made, and for how many any is at most. A claim that ends
 * sooner after the mark than the longest one may have been made before it, in what is forgotten: 2, "cannot tell".
 */
const CLAIM = script(`${SERVER_TIME}${AS_TEXT}
local writes = true
${READ_MARK}
if redis.call('EXISTS', KEYS[2]) == 1 then return { mark, ${TAKEN} } end
if now + tonumber(ARGV[1]) <= tonumber(mark) + tonumber(ARGV[2]) then return { mark, 2 } end
redis.call('SET', KEYS[2], '1', 'PX', text(tonumber(ARGV[1]) + ${CLOCKS_DIFFER}))
return { mark, ${CLAIMED} }
`);

/** `claim` rejects where Redis does not answer, and for as long as it may have forgotten this very claim. */
export function redisReplays({ link, keys, own, clock, longestMs, onMark }: RedisReplaysOptions): ReplayStore {
  return {
    async claim(key, untilMs, holder) {
      if (!(await own.claim(key, untilMs, holder))) return false;
      // The clocks of node and Redis may differ: only how long the claim lasts is said. One that is over is not made.
      const lasts = Math.ceil(untilMs - clock.now());
      if (lasts < 1) throw new Error('the proof ended while it was checked');
      const asked = [keys.mark(link.server()), keys.claim(key)];
      const answer = await link.run(CLAIM, asked, [String(lasts), String(longestMs)]);
      const [mark, outcome]: readonly unknown[] = Array.isArray(answer) ? answer : [];
      if (typeof mark === 'string') onMark(mark);
      if (outcome === CLAIMED || outcome === TAKEN) return outcome === CLAIMED;
      throw new Error('Redis remembers used proofs since a moment ago, and this one may be older');
    },
  };
}
