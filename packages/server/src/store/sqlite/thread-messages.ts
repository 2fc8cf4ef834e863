/** What the store and its thread tell each other. */
import type { QueryResult } from 'kysely';

export type Order =
  | { readonly kind: 'run'; readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  /** Closes the connection and ends the thread; it wants no answer. */
  | { readonly kind: 'end' };

export type Answer =
  | { readonly id: number; readonly result: QueryResult<unknown> }
  /** `code`: SQLite's extended result code, where the error is SQLite's. */
  | { readonly id: number; readonly error: string; readonly code: number | undefined };
