/** What the store and its thread tell each other. */
import type { QueryResult } from 'kysely';

export type Order =
  | { readonly kind: 'run'; readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  /** Wants no answer. */
  | { readonly kind: 'fold' }
  /** Closes the connection and ends the thread. */
  | { readonly kind: 'end' };

export type Answer =
  | { readonly id: number; readonly result: QueryResult<unknown> }
  /** `code`: SQLite's extended result code, where the error is SQLite's. */
  | { readonly id: number; readonly error: string; readonly code: number | undefined };
