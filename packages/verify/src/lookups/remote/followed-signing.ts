/** What a verifier knows of the server's signed tokens: the keys of its workspace and the notices, read once and followed with the feed. */
import type { MaybePromise } from '../../maybe-promise.ts';
import type { OwnKey, OwnKeys } from '../own-signed.ts';
import type { Claimed } from '../signed/claimed-facts.ts';
import { createNotices } from '../signed/notices.ts';
import type { News } from './news.ts';
import type { Change } from './recent-changes.ts';
import { type ServerCalls, ServerUnavailable } from './server-calls.ts';
import { type NoticesOnWire, readNotices } from './signing-wire.ts';

export interface FollowedSigningParts {
  readonly calls: Pick<ServerCalls, 'getAgain'>;
  readonly news: Pick<News, 'fresh'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that never steps. */
  readonly monotonic: () => number;
  readonly onError: (error: unknown) => void;
}

export interface FollowedSigning extends OwnKeys {
  /** Whether this names a key of a ring that was not heard of yet, nor that it is gone. */
  mayBeOurs(kid: string): boolean;
  /** Whether what a text says holds now: the server is followed, and no notice concerns it. */
  believes(claimed: Claimed): boolean;
  /** A change of the feed: it is applied when this returns. */
  change(change: Change): void;
  /** The feed goes on from this position, perhaps of another history than that which was read meanwhile. */
  resumed(position: number): void;
  /** The feed begins anew at this position. */
  restart(position: number): void;
  /** The server will no longer answer this verifier: nothing is kept. */
  forget(): void;
}

/** What names a key of a ring. Whatever else a text names is asked of nobody. */
const KEY_ID = /^key_[0-9a-hjkmnp-tv-z]{26}$/;
/** A name that nobody has costs a stranger nothing: so seldom is it asked after. */
const UNKNOWN_PAUSE_MS = 5000;
const RETRY_MS = 1000;
/** The server tells only those of the one workspace, whose name may not be known yet. */
const OURS = '';

export function followedSigning({ calls, news, now, monotonic, onError }: FollowedSigningParts): FollowedSigning {
  const notices = createNotices();
  let keys: ReadonlyMap<string, OwnKey> = new Map();
  /** Keys that the feed said are gone: an answer that was on its way may still name them. */
  const gone = new Set<string>();
  /** Every change after this is heard. Infinite: the feed is not followed. */
  let floor = Number.POSITIVE_INFINITY;
  /** The newest change that was heard of, or from which on all are. */
  let heard = Number.NEGATIVE_INFINITY;
  /** The newest position that keys and notices were read at. */
  let newest = Number.NEGATIVE_INFINITY;
  let isComplete = false;
  /** Counts what makes an answer that is on its way an old one. */
  let generation = 0;
  let reading: Promise<void> | undefined;
  let isOutdated = false;
  let readAt = Number.NEGATIVE_INFINITY;

  const page = async (after: string): Promise<NoticesOnWire> =>
    readNotices(await calls.getAgain(`/v1/notices?after=${after}`));

  const take = ({ seq, workspace, keys: told, items }: NoticesOnWire): void => {
    newest = Math.max(newest, seq);
    keys = new Map(told.filter(([kid]) => !gone.has(kid)).map(([kid, key]) => [kid, { ...key, workspace }]));
    for (const item of items) notices.add({ ...item, workspace: OURS }, now());
  };

  const read = async (): Promise<void> => {
    const begun = generation;
    readAt = monotonic();
    const from = Math.floor(now());
    if (!isComplete) notices.restart(from);
    const first = await page(String(from));
    if (begun !== generation) return;
    take(first);
    for (let { next } = first; next !== undefined && !isComplete; ) {
      const more = await page(next);
      if (begun !== generation) return;
      take(more);
      next = more.next;
    }
    // What came later than it was read is told by the feed.
    if (first.seq >= floor) isComplete = true;
  };

  /** One at a time; what became old meanwhile is read again. */
  const refresh = (): Promise<void> => {
    isOutdated = reading !== undefined;
    reading ??= read().finally(() => {
      reading = undefined;
      if (isOutdated) refresh().catch(onError);
    });
    return reading;
  };

  const forget = (): void => {
    generation += 1;
    isComplete = false;
    keys = new Map();
    newest = Number.NEGATIVE_INFINITY;
  };

  const ask = async (kid: string): Promise<OwnKey | undefined> => {
    const pause = isComplete ? UNKNOWN_PAUSE_MS : RETRY_MS;
    if (reading !== undefined) await reading;
    else if (monotonic() - readAt >= pause) await refresh();
    else if (!isComplete) throw new ServerUnavailable('the keys of the server are not known');
    return keys.get(kid);
  };

  return {
    find(kid): MaybePromise<OwnKey | undefined> {
      return keys.get(kid) ?? (KEY_ID.test(kid) ? ask(kid) : undefined);
    },
    mayBeOurs: (kid) => KEY_ID.test(kid) && !gone.has(kid),
    believes({ signed }) {
      if (!isComplete && reading === undefined && monotonic() - readAt >= RETRY_MS) refresh().catch(onError);
      // The change that came with the text itself was heard of: a store that was restored from an older state may know nothing of it.
      const isHeard = signed.seq < heard;
      return isComplete && news.fresh() && isHeard && !notices.concern({ ...signed, workspace: OURS });
    },
    change({ kind, id, seq, at, signedUntil }) {
      heard = Math.max(heard, seq);
      if (signedUntil !== undefined && at !== undefined)
        notices.add({ workspace: OURS, kind, id, seq, at, signedUntil }, now());
      if (!kind.startsWith('key.')) return;
      if (kind === 'key.deleted' || kind === 'key.revoked') {
        gone.add(id);
        keys = new Map([...keys].filter(([kid]) => kid !== id));
      }
      refresh().catch(onError);
    },
    resumed(position) {
      // Notices of a history that is no more say too much, at worst. Keys of it would be believed.
      if (reading === undefined && newest <= position) return;
      forget();
      refresh().catch(onError);
    },
    restart(position) {
      forget();
      gone.clear();
      floor = position;
      heard = position;
      refresh().catch(onError);
    },
    forget,
  };
}
