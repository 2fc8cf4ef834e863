/** The only way to write: units of work queue up, and each commit takes all that wait, so that one fsync serves many. */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Clock } from '@tessera/verify';
import type { Change } from '../core/model.ts';
import { type AuditSeal, StoreUnavailable, type Tx } from '../core/store-port.ts';
import { type Batch, runBatch, type Work } from './batch.ts';
import type { Engine, StoreLog } from './engine.ts';

const MAX_BATCH = 128;
/** Beyond this the store is far behind, and an answer now is better than one that nobody waits for any more. */
const MAX_WAITING = 8192;
const MAX_RETRIES = 3;

/** `aside`: nobody waits for it, and it must not hold up the thread that calls. */
export type Way = 'here' | 'aside';

interface Waiting {
  readonly way: Way;
  readonly work: Work;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitParts {
  readonly engine: Engine;
  readonly seal: AuditSeal;
  readonly clock: Clock;
  readonly log: StoreLog | undefined;
}

export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #listeners: ((changes: readonly Change[], seen?: number) => void)[] = [];
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
  }

  /** As `Store.write` and `Store.writeAside`. Both queue up together, so that neither can starve the other. */
  write<T>(work: (tx: Tx) => Promise<T>, way: Way = 'here'): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new StoreUnavailable('too many writes are waiting'));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // What `work` resolves with comes back through the batch as the outcome at its own place.
    this.#waiting.push({ way, work, resolve: (value) => resolve(value as T), reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** As `Store.onCommit`. */
  onCommit(listener: (changes: readonly Change[], seen?: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Commits what waits, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Requests that arrived together get into one commit, and those that only read get their turn between two.
      await turnOfTheLoop();
      const [way, units] = this.#next();
      try {
        const { outcomes, changes, seen } = await this.#commit(
          way,
          units.map(({ work }) => work),
        );
        this.#tell(changes, seen);
        for (const [index, outcome] of outcomes.entries()) {
          if ('error' in outcome) units[index]?.reject(outcome.error);
          else units[index]?.resolve(outcome.value);
        }
      } catch (error) {
        // Where nothing can be written at all, those who came meanwhile need not wait for the same answer. Aside, only the thread may be gone.
        if (way === 'here' && error instanceof StoreUnavailable) units.push(...this.#waiting.splice(0));
        for (const { reject } of units) reject(error);
      }
    }
    // In the same turn as the look at the queue, so that nobody is left waiting in between.
    this.#running = undefined;
  }

  /** Those at the head of the queue that go one way. */
  #next(): readonly [Way, Waiting[]] {
    const way = this.#waiting[0]?.way ?? 'here';
    const others = this.#waiting.findIndex((unit) => unit.way !== way);
    return [way, this.#waiting.splice(0, others === -1 ? MAX_BATCH : Math.min(others, MAX_BATCH))];
  }

  async #commit(way: Way, works: readonly Work[]): Promise<Batch> {
    const { engine, seal, clock } = this.#parts;
    for (let retries = 0; ; retries += 1) {
      try {
        const db = way === 'aside' ? engine.aside() : engine.writes;
        return await runBatch(engine, works, { db, seal, now: () => clock.now() });
      } catch (error) {
        if (retries === MAX_RETRIES || !engine.isRetryable(error)) throw error;
      }
    }
  }

  /** The changes are committed, whatever a listener makes of them. */
  #tell(changes: readonly Change[], seen: number | undefined): void {
    if (changes.length === 0 && seen === undefined) return;
    for (const listener of this.#listeners) {
      try {
        listener(changes, seen);
      } catch (err) {
        this.#parts.log?.error({ err }, 'a listener to committed changes failed');
      }
    }
  }
}
