/** The end of an exchange for what it held: its places are free, and where it was not served, it has cost nothing. */
import type { Verdict } from '@tessera/verify';
import type { Refund } from '../core/compiled-route.ts';

export interface Settling {
  /** An upstream began to answer. */
  answered(): void;
  /** The exchange is over, with the status that the client can believe it got. A second end does nothing. */
  end(status: number): void;
}

/**
 * An answer that breaks off half-way was served in part, and a client that goes away may have been: both cost what they
 * cost, or a client could use an upstream for nothing.
 */
export function settling(verdict: Verdict, refund: Refund): Settling {
  const held = verdict.valid ? verdict.held : undefined;
  if (held === undefined) return NOTHING_HELD;
  let isAnswered = false;
  return {
    answered() {
      isAnswered = true;
    },
    end(status) {
      const failed = isAnswered ? refund === 'server-errors' && status >= 500 : FAILURES.has(status);
      held.end(failed && refund !== 'never' ? 'refund' : 'keep');
    },
  };
}

/** Most requests. */
const NOTHING_HELD: Settling = Object.freeze({ answered() {}, end() {} });

/** What we say where no upstream answered. */
const FAILURES: ReadonlySet<number> = new Set([502, 503, 504]);
