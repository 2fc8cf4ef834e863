/** What a database must bring so that the shared queries and the group commit can work on it. */
import type { DigestKey, MaybePromise } from '@tessera/verify';
import type { TokenContext } from '../core/model.ts';
import type { Hearing } from '../core/store-port.ts';
import type { Db } from './sql/tables.ts';
import type { Terms } from './sql/unit.ts';

export interface Engine {
  /** Sees what is committed, and only that. */
  readonly reads: Db;
  /** A single connection, for `begin`. */
  readonly writes: Db;
  /** As `writes`, for what may take longer, or `writes` itself: it does not hold up the thread that calls. */
  aside(): Db;
  readonly terms: Terms;
  /** Opens a transaction on a connection of `writes` or `aside` as the only writer over all processes and nodes, or throws in bounded time. */
  begin(connection: Db): Promise<void>;
  /** Says in the transaction that it brings changes up to this one, for whoever listens once it is committed. */
  announce(connection: Db, seq: number): Promise<void>;
  /** As `Store.listen`. */
  listen(hearing: Hearing): () => void;
  /** Hears of each commit, after it is durable. Never throws. */
  committed(): void;
  find(digest: DigestKey): MaybePromise<TokenContext | undefined>;
  /** Whether the transaction was a victim of concurrency and may simply be run again. */
  isRetryable(error: unknown): boolean;
  /** Whether a COMMIT that failed so may have happened all the same. */
  leavesOutcomeOpen(error: unknown): boolean;
  close(): Promise<void>;
}

/** The part of a logger that the store needs; pino's fits. */
export interface StoreLog {
  error(details: { readonly err: unknown }, message: string): void;
  warn(details: { readonly err: unknown }, message: string): void;
}
