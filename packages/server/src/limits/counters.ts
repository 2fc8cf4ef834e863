/** The counters of a limiter by key: bounded, cleaned a little at a time, and never emptied of a blocked key. */
import { backlogAt, type Counter, isBlocked } from './gcra.ts';

/** A Map that grows is copied at once: at 1,000 entries in tens of microseconds, at a million in a tenth of a second. */
const KEYS_PER_SHARD = 1024;
/** Counters looked at for each new key: with more than one, what is dropped keeps ahead of what is added. */
const SWEEP = 4;
/** A limiter that may hold many keys holds a quarter of them, drained or not: most come again, and to add one costs more than to find it. */
const SPARED_SHARE = 4;
/** Counters among which the one to evict is chosen, and how many are looked at to find them. */
const CANDIDATES = 4;
const LOOKS = 64;
/** Characters of a key that choose its shard, at most: enough to spread keys, few enough to cost nothing. */
const HASHED_CHARACTERS = 16;

type Shard = Map<string, Counter>;

export class Counters {
  readonly #maxKeys: number;
  readonly #random: () => number;
  readonly #shards: readonly Shard[];
  readonly #all: Counter[] = [];
  #swept = 0;

  /** @param random a number from 0, below 1: chance picks who may be evicted, so that nobody can arrange it */
  constructor(maxKeys: number, random = Math.random) {
    this.#maxKeys = maxKeys;
    this.#random = random;
    const shards = 2 ** Math.max(0, Math.ceil(Math.log2(maxKeys / KEYS_PER_SHARD)));
    this.#shards = Array.from({ length: shards }, () => new Map());
  }

  get size(): number {
    return this.#all.length;
  }

  find(key: string): Counter | undefined {
    return this.#shardOf(key).get(key);
  }

  /** Keeps a counter whose key is not there, after {@link makeRoom}; looks at a few others, and drops the drained ones. */
  add(counter: Counter): void {
    if (this.#all.length >= this.#maxKeys / SPARED_SHARE) this.#sweep(counter.at);
    counter.place = this.#all.length;
    this.#all.push(counter);
    this.#shardOf(counter.key).set(counter.key, counter);
  }

  /**
   * Makes room for so many more keys, at the cost of the least loaded of a few. A blocked one is never evicted, for
   * whoever is blocked could free himself by a flood of keys.
   *
   * @returns false where all that were looked at are blocked
   */
  makeRoom(keys: number, now: number): boolean {
    while (this.#all.length + keys > this.#maxKeys) {
      const victim = this.#leastLoaded(now);
      if (victim === undefined) return false;
      this.#drop(victim);
    }
    return true;
  }

  #leastLoaded(now: number): Counter | undefined {
    let least: Counter | undefined;
    let leastLoad = Number.POSITIVE_INFINITY;
    let candidates = 0;
    for (let looks = 0; looks < LOOKS && candidates < CANDIDATES; looks += 1) {
      const counter = this.#all[Math.floor(this.#random() * this.#all.length)];
      if (counter === undefined) break;
      if (isBlocked(counter, now)) continue;
      candidates += 1;
      const load = backlogAt(counter, now) / (counter.burst * counter.windowMs);
      if (load >= leastLoad) continue;
      least = counter;
      leastLoad = load;
    }
    return least;
  }

  #sweep(now: number): void {
    for (let looks = 0; looks < SWEEP; looks += 1) {
      const counter = this.#all[this.#swept];
      if (counter === undefined) this.#swept = 0;
      else if (backlogAt(counter, now) === 0) this.#drop(counter);
      else this.#swept += 1;
    }
  }

  #drop(counter: Counter): void {
    this.#shardOf(counter.key).delete(counter.key);
    const last = this.#all.pop();
    if (last === undefined || last === counter) return;
    last.place = counter.place;
    this.#all[counter.place] = last;
  }

  #shardOf(key: string): Shard {
    const stride = 1 + Math.floor(key.length / HASHED_CHARACTERS);
    let hash = key.length;
    for (let at = key.length - 1; at >= 0; at -= stride) hash = Math.imul(hash, 31) + key.charCodeAt(at);
    hash ^= hash >>> 15;
    const shard = this.#shards[hash & (this.#shards.length - 1)];
    if (shard === undefined) throw new RangeError('the shards are as many as a power of two');
    return shard;
  }
}
