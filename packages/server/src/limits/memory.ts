/** Rate limits counted in the memory of this process: exact, all or nothing, bounded. */
import type { Clock, Limiter, LimitOutcome, LimitRule } from '@tessera/verify';
import { Counters } from './counters.ts';
import { admits, newCounter, settle, spend } from './gcra.ts';
import { type Judged, stateAfter } from './judged.ts';
import { requireCost, requireDistinctKeys } from './preconditions.ts';

export interface MemoryLimiterOptions {
  readonly clock: Clock;
  /** Keys that are counted at once, default 1,000,000; each takes some 200 bytes. */
  readonly maxKeys?: number;
}

/**
 * A limiter of one process. Where every key is taken and those looked at are blocked, a new key is refused: to let it
 * pass would be to let it pass uncounted. Only `spend` needs a key of its own, so a `peek` does not see that.
 *
 * @throws RangeError from `take` for a cost or rule that is not of whole numbers in range, and for a clock that tells no time
 * @throws Error from `take` where two rules share a key
 */
export function memoryLimiter({ clock, maxKeys = 1_000_000 }: MemoryLimiterOptions): Limiter {
  const counters = new Counters(maxKeys);
  const elapsed = elapsedTime(clock);

  function take(rules: readonly LimitRule[], cost: number, mode: 'spend' | 'peek'): LimitOutcome {
    requireCost(cost);
    requireDistinctKeys(rules);
    const now = elapsed();
    const room = mode === 'peek' || counters.makeRoom(rules.length, now);

    const judged: Judged[] = [];
    let allowed = true;
    for (const rule of rules) {
      const found = counters.find(rule.key);
      const counter = found ?? newCounter(rule, now);
      if (found !== undefined) settle(found, rule, now);
      const spent = cost * rule.cost;
      const crowded = found === undefined && !room;
      const admitted = admits(counter, spent) && !crowded;
      allowed &&= admitted;
      judged.push({ rule, counter, spent, crowded, admitted });
    }
    if (mode === 'spend') keep(counters, judged, allowed);
    return { allowed, states: judged.map(stateAfter) };
  }

  return { take };
}

function keep(counters: Counters, judged: readonly Judged[], allowed: boolean): void {
  for (const { counter, spent } of judged) {
    if (spent <= counter.burst) counter.asked = spent;
    if (!allowed) continue;
    spend(counter, spent);
    if (counter.place < 0) counters.add(counter);
  }
}

/**
 * Whole milliseconds that the clock went forward since the first look. A clock stepped back takes no time away, so that
 * it locks nobody out for longer than his backlog drains.
 */
function elapsedTime(clock: Clock): () => number {
  let last = wholeNow(clock);
  let elapsed = 0;
  return () => {
    const now = wholeNow(clock);
    if (now > last) elapsed += now - last;
    last = now;
    return elapsed;
  };
}

/** @throws RangeError where the clock tells no time */
export function wholeNow(clock: Clock): number {
  const now = Math.floor(clock.now());
  if (!Number.isSafeInteger(now)) throw new RangeError('the clock tells no time');
  return now;
}
