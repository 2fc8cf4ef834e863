/** Rate limits counted by all workers of a process together: exact, all or nothing, bounded, as those of one are. */
import type { Clock, Limiter, LimitOutcome, LimitRule } from '@tessera/verify';
import { admits, type Counter, newCounter, settle, spend } from './gcra.ts';
import { type Judged, stateAfter } from './judged.ts';
import { type KeyHash, keyHashes } from './key-hashes.ts';
import { requireCost, requireDistinctKeys } from './preconditions.ts';
import { CounterTable, lockOf, NOWHERE, type SharedCounters } from './shared-counters.ts';
import { sharedLock } from './shared-lock.ts';

export interface SharedLimiterOptions {
  readonly clock: Clock;
  readonly counters: SharedCounters;
  /** Names this thread, above 0; no two threads of a process ever have the same. */
  readonly holder: number;
}

/**
 * As the limiter in memory, and with its arithmetic. Where every place that a new key may take is that of a blocked one, it is
 * refused.
 *
 * @throws from `take` what that of the limiter in memory throws, and an Error where the counters stay locked
 */
export function sharedLimiter({ clock, counters, holder }: SharedLimiterOptions): Limiter {
  const table = new CounterTable(counters);
  const lock = sharedLock(lockOf(counters), holder);
  const hashOf = keyHashes(counters.seed);

  /** Nothing is written before everything is judged, so that what throws changes nothing. */
  function judge(asked: readonly Asked[], cost: number, spends: boolean): readonly Seated[] {
    const now = table.elapsed(clock);
    const seats = asked.map(({ rule, hash }): Seat => {
      const known = table.find(hash, rule);
      if (known !== undefined) settle(known, rule, now);
      return { rule, hash, counter: known ?? newCounter(rule, now), isNew: known === undefined };
    });
    const taken = seats.map(({ counter }) => counter.place);
    const all = seats.map((seat): Seated => {
      const { rule, hash, counter, isNew } = seat;
      if (isNew && spends) {
        counter.place = table.placeFor(hash, taken, now);
        taken.push(counter.place);
      }
      const crowded = counter.place === NOWHERE;
      const spent = cost * rule.cost;
      return { ...seat, spent, crowded, admitted: admits(counter, spent) && !crowded };
    });
    if (spends) keep(all);
    return all;
  }

  function keep(all: readonly Seated[]): void {
    const allowed = all.every(({ admitted }) => admitted);
    for (const { counter, hash, isNew, spent } of all) {
      if (spent <= counter.burst) counter.asked = spent;
      if (allowed) spend(counter, spent);
      if (allowed || !isNew) table.write(counter, hash);
    }
  }

  return {
    take(rules, cost, mode): LimitOutcome {
      requireCost(cost);
      requireDistinctKeys(rules);
      // Hashed before the lock is taken: it is held as shortly as can be.
      const asked = rules.map((rule) => ({ rule, hash: hashOf(rule.key) }));
      const all = lock.alone(() => judge(asked, cost, mode === 'spend'));
      return { allowed: all.every(({ admitted }) => admitted), states: all.map(stateAfter) };
    },
  };
}

interface Asked {
  readonly rule: LimitRule;
  readonly hash: KeyHash;
}

interface Seat extends Asked {
  readonly counter: Counter;
  readonly isNew: boolean;
}

type Seated = Seat & Judged;
