/**
 * The counters of a limiter in memory that several threads share: a table of fixed size, each key in one of sixteen places.
 * Whoever reads or writes it holds its lock. A thread that dies at any moment leaves each place whole or free.
 */
import { randomBytes } from 'node:crypto';
import type { Clock, LimitRule } from '@tessera/verify';
import { backlogAt, type Counter, isBlocked } from './gcra.ts';
import type { KeyHash } from './key-hashes.ts';
import { wholeNow } from './memory.ts';
import { LOCK_WORDS, type LockWords } from './shared-lock.ts';

/** What every thread is given of a table. */
export interface SharedCounters {
  readonly buffer: SharedArrayBuffer;
  /** Of the hashes of its keys. */
  readonly seed: string;
}

/** Of a place, and of the head: 12 whole numbers of 32 bits, or 6 floating-point numbers that begin with these two. */
const BYTES = 48;
const WORDS = 12;
const DOUBLES = 6;
const BACKLOG = 0;
const AT = 1;
const HASH = 4;
const WINDOW_SECONDS = 8;
const BURST = 9;
const ASKED = 10;
/** 0: the place is free. */
const LIMIT = 11;
/** Of the head, behind the words of its lock. */
const ELAPSED = 2;
const LAST = 3;

/** Places of a bucket. A key may be in either of two, so that none is full while others have room. */
const WAYS = 8;
/** No place at all. */
export const NOWHERE = 0;

/** Throws a RangeError where the clock tells no time. */
export function sharedCounters(options: { readonly clock: Clock; readonly maxKeys: number }): SharedCounters {
  const { clock, maxKeys } = options;
  const ways = Math.min(WAYS, maxKeys);
  const places = Math.floor(maxKeys / ways) * ways;
  const buffer = new SharedArrayBuffer((1 + places) * BYTES);
  new Float64Array(buffer)[LAST] = wholeNow(clock);
  return { buffer, seed: randomBytes(16).toString('hex') };
}

export function lockOf({ buffer }: SharedCounters): LockWords {
  return new Int32Array(buffer, 0, LOCK_WORDS);
}

export class CounterTable {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #ways: number;
  readonly #buckets: number;

  constructor({ buffer }: SharedCounters) {
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    const places = buffer.byteLength / BYTES - 1;
    this.#ways = Math.min(WAYS, places);
    this.#buckets = places / this.#ways;
  }

  /** Whole milliseconds that the clock went forward, whichever thread looks. Read under the lock, so that no look is older than the one before. */
  elapsed(clock: Clock): number {
    const now = wholeNow(clock);
    const last = this.#double(0, LAST);
    const elapsed = this.#double(0, ELAPSED) + Math.max(0, now - last);
    this.#doubles[ELAPSED] = elapsed;
    this.#doubles[LAST] = now;
    return elapsed;
  }

  /** A copy of the counter of a key; its `place` is where it goes back to. */
  find(hash: KeyHash, rule: LimitRule): Counter | undefined {
    for (const bucket of this.#bucketsOf(hash)) {
      for (let place = bucket; place < bucket + this.#ways; place += 1) {
        if (this.#holds(place, hash)) return this.#read(place, rule.key);
      }
    }
    return undefined;
  }

  /**
   * Where the counter of a new key may be written: a free or drained place, else that of the least loaded of those that
   * are not blocked, for whoever is blocked could free himself by a flood of keys.
   *
   * @param taken places that the same request uses
   * @returns `NOWHERE` where all of them are blocked
   */
  placeFor(hash: KeyHash, taken: readonly number[], now: number): number {
    let least = NOWHERE;
    let leastLoad = Number.POSITIVE_INFINITY;
    let mostFree = 0;
    for (const bucket of this.#bucketsOf(hash)) {
      let free = 0;
      let firstFree = NOWHERE;
      for (let place = bucket; place < bucket + this.#ways; place += 1) {
        if (taken.includes(place)) continue;
        const load = this.#loadOf(place, now);
        if (load === 0) {
          free += 1;
          if (firstFree === NOWHERE) firstFree = place;
        }
        if (mostFree > 0 || load >= leastLoad) continue;
        least = place;
        leastLoad = load;
      }
      if (free <= mostFree) continue;
      mostFree = free;
      least = firstFree;
    }
    return least;
  }

  /**
   * A thread may die between any two of these steps. A place that changes hands is free meanwhile; one that goes on counting
   * for its key has lost time before it counts what is spent, so that death never gives anything back.
   */
  write(counter: Counter, hash: KeyHash): void {
    const { place } = counter;
    const word = place * WORDS;
    if (!this.#counts(counter, hash)) {
      this.#words[word + LIMIT] = 0;
      this.#words.set(hash, word + HASH);
      this.#words[word + WINDOW_SECONDS] = counter.windowMs / 1000;
      this.#words[word + BURST] = counter.burst;
    }
    this.#words[word + ASKED] = counter.asked;
    this.#doubles[place * DOUBLES + AT] = counter.at;
    this.#doubles[place * DOUBLES + BACKLOG] = counter.backlog;
    this.#words[word + LIMIT] = counter.limit;
  }

  /** Whether the place counts for this key by this rule. */
  #counts({ place, limit, windowMs, burst }: Counter, hash: KeyHash): boolean {
    return (
      this.#holds(place, hash) &&
      this.#word(place, LIMIT) === limit &&
      this.#word(place, WINDOW_SECONDS) * 1000 === windowMs &&
      this.#word(place, BURST) === burst
    );
  }

  /** From 0, free or drained, to 1, used up; infinite where it is blocked. */
  #loadOf(place: number, now: number): number {
    if (this.#word(place, LIMIT) === 0) return 0;
    const counter = this.#read(place, '');
    if (isBlocked(counter, now)) return Number.POSITIVE_INFINITY;
    return backlogAt(counter, now) / (counter.burst * counter.windowMs);
  }

  #read(place: number, key: string): Counter {
    return {
      key,
      place,
      backlog: this.#double(place, BACKLOG),
      at: this.#double(place, AT),
      limit: this.#word(place, LIMIT),
      windowMs: this.#word(place, WINDOW_SECONDS) * 1000,
      burst: this.#word(place, BURST),
      asked: this.#word(place, ASKED),
    };
  }

  #holds(place: number, hash: KeyHash): boolean {
    return (
      this.#word(place, LIMIT) !== 0 &&
      this.#word(place, HASH) === hash[0] &&
      this.#word(place, HASH + 1) === hash[1] &&
      this.#word(place, HASH + 2) === hash[2] &&
      this.#word(place, HASH + 3) === hash[3]
    );
  }

  /** The first places of the two buckets of a key, which may be one. */
  #bucketsOf(hash: KeyHash): readonly number[] {
    const first = 1 + ((hash[0] >>> 0) % this.#buckets) * this.#ways;
    const second = 1 + ((hash[1] >>> 0) % this.#buckets) * this.#ways;
    return first === second ? [first] : [first, second];
  }

  #word(place: number, field: number): number {
    return this.#words[place * WORDS + field] ?? 0;
  }

  #double(place: number, field: number): number {
    return this.#doubles[place * DOUBLES + field] ?? 0;
  }
}
