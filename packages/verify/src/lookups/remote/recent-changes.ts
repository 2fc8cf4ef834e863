/** The changes that were applied last: whether facts that were read a moment ago are still those of now. */
import { concerns } from '../../concerns.ts';
import type { TokenFacts } from '../../ports.ts';

/** As the feed tells it, which tells only those of the caller's workspace. */
export interface Change {
  readonly seq: number;
  /** `token.revoked`, `owner.disabled` and so on. */
  readonly kind: string;
  readonly id: string;
  /** Milliseconds since the epoch; of a notice alone (see `signed/notices`), as the next. */
  readonly at?: number;
  readonly signedUntil?: number;
}

export interface RecentChanges {
  /** The feed is followed from here: whatever comes after is told. */
  restart(position: number): void;
  add(change: Change): void;
  /**
   * Whether what was read at this position still holds. `changed`: it does not; `unknown`: it was read before what is
   * remembered. Facts for a token, undefined for one that nobody had.
   */
  judge(position: number, read: TokenFacts | undefined): 'holds' | 'changed' | 'unknown';
}

/** More than come while a look-up is under way. */
const REMEMBERED = 4096;

/** A digest that nobody had may be somebody's after these. */
const INTRODUCING: readonly string[] = ['token.created', 'token.imported', 'token.rotated'];

export function introduces({ kind }: Pick<Change, 'kind'>): boolean {
  return INTRODUCING.includes(kind);
}

export function recentChanges(remembered: number = REMEMBERED): RecentChanges {
  /** A ring: the newest stands before `next`. */
  let ring: Change[] = [];
  let next = 0;
  /** Every change after this is in the ring. Infinite: the feed is not followed. */
  let floor = Number.POSITIVE_INFINITY;

  return {
    restart(position) {
      ring = [];
      next = 0;
      floor = position;
    },
    add(change) {
      const oldest = ring[next];
      if (oldest !== undefined) floor = oldest.seq;
      ring[next] = change;
      next = (next + 1) % remembered;
    },
    judge(position, read) {
      for (let back = 1; back <= ring.length; back += 1) {
        const change = ring[(next - back + remembered) % remembered];
        if (change === undefined || change.seq <= position) break;
        if (changes(change, read)) return 'changed';
      }
      return position >= floor ? 'holds' : 'unknown';
    },
  };
}

function changes(change: Change, read: TokenFacts | undefined): boolean {
  return read === undefined ? introduces(change) : concerns({ ...change, workspace: read.workspace.id }, read);
}
