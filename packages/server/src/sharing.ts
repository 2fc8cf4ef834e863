/** What the workers of one process have in common. Where there is one, each part is its own. */
import type { Concurrency, Limiter, ReplayStore } from '@tessera/verify';
import type { LastFailure } from './core/failed-credentials.ts';
import type { News } from './core/feed.ts';

export interface Sharing {
  /** How many there are. */
  readonly workers: number;
  readonly news: News;
  /** Of tokens, their owners and whatever else rules count by. */
  readonly limiter: Limiter;
  /** Of the addresses that failed credentials came from. */
  readonly failures: { readonly limiter: Limiter; readonly last: LastFailure };
  /** Requests under way at once. */
  readonly concurrency: Concurrency;
  readonly replays: ReplayStore;
  /** The metrics of all workers as one page. */
  exposition(): Promise<string>;
}
