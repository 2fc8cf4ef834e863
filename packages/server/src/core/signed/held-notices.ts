/** The notices of all workspaces in the memory of a node: read from the store, then followed. */
import { type Claimed, createNotices } from '@tessera/verify/jose';
import type { Told } from '../change-order.ts';
import type { Feed } from '../feed.ts';
import type { Change } from '../model.ts';
import type { Store } from '../store-port.ts';

export interface HeldNoticesOptions {
  readonly store: Pick<Store, 'notices'>;
  readonly feed: Pick<Feed, 'fresh' | 'position' | 'subscribe'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export interface HeldNotices {
  /** Reads those that are not over; until then nothing is believed. */
  load(): Promise<void>;
  /** Whether what a text says holds now: nothing was missed, and no notice concerns it. */
  believes(claimed: Claimed): boolean;
}

const PAGE = 1000;
/** Between two attempts to read them. */
const RETRY_MS = 1000;

export function heldNotices({ store, feed, now, onError }: HeldNoticesOptions): HeldNotices {
  const notices = createNotices();
  let isComplete = false;
  let reading: Promise<void> | undefined;
  /** Counts how often what was read no longer holds. */
  let missed = 0;
  let readAt = Number.NEGATIVE_INFINITY;

  const add = ({ signedUntil, ...change }: Change): void => {
    if (signedUntil !== undefined) notices.add({ ...change, signedUntil }, now());
  };

  const hear = (told: Told): void => {
    if (told !== 'missed') {
      add(told);
      return;
    }
    isComplete = false;
    missed += 1;
    void load();
  };
  // One that was read ahead of the feed says too much, at worst; of those that are being read some may be from before.
  feed.subscribe(hear, () => {
    missed += 1;
  });

  const read = async (): Promise<void> => {
    const before = missed;
    const from = now();
    readAt = from;
    notices.restart(from);
    for (let after = { until: from, seq: Number.MAX_SAFE_INTEGER }; ; ) {
      const page = await store.notices(undefined, { ...after, limit: PAGE });
      for (const change of page) add(change);
      const last = page.at(-1);
      if (last?.signedUntil === undefined || page.length < PAGE) break;
      after = { until: last.signedUntil, seq: last.seq };
    }
    if (before === missed) isComplete = true;
  };

  const load = (): Promise<void> => {
    reading ??= read()
      .catch(onError)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  return {
    load,
    believes({ signed }) {
      if (!isComplete && Math.abs(now() - readAt) >= RETRY_MS) void load();
      // The change that came with the text itself was read: a store that was restored from an older state may know nothing of it.
      const isRead = signed.seq < feed.position();
      return isComplete && feed.fresh() && isRead && !notices.concern(signed);
    },
  };
}
