/** Walks lists from page to page, asking for the next one only when it is wanted. */

/** The size of pages where the caller names none: the largest that the server gives. */
const CURSOR_PAGE = 100;
const LOG_PAGE = 1000;

interface CursorQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Where iteration stops: before the next item when either signal aborts, by throwing its reason. */
export interface Stops {
  readonly signals: readonly (AbortSignal | undefined)[];
}

/**
 * Every item of a list that pages by cursor, in its order. Holds one page at a time. Stops when the server names the
 * cursor it was just given, which would never end.
 *
 * @throws RangeError when `limit`, the size of a page, is not 1 to 100
 */
export async function* listAll<T, Q extends CursorQuery>(
  load: (query: Q & CursorQuery) => Promise<Page<T>>,
  query: Q,
  { signals }: Stops,
): AsyncGenerator<T, void, undefined> {
  const limit = pageSize(query.limit, CURSOR_PAGE);
  let { cursor } = query;
  for (;;) {
    const page = await load({ ...query, limit, cursor });
    yield* untilAborted(page.items, signals);
    if (page.nextCursor === null || page.nextCursor === cursor) return;
    cursor = page.nextCursor;
  }
}

/**
 * Every record of a log that is ordered by `seq`, from `after` up to the newest. Holds one page at a time; `limit` is its
 * size, 1 to 1000.
 *
 * @throws RangeError when `limit` is out of range
 */
export async function* listAllAfter<T extends { readonly seq: number }>(
  load: (after: number, limit: number) => Promise<readonly T[]>,
  { after = 0, limit }: { readonly after?: number | undefined; readonly limit?: number | undefined },
  { signals }: Stops,
): AsyncGenerator<T, void, undefined> {
  const size = pageSize(limit, LOG_PAGE);
  let last = after;
  for (;;) {
    const items = await load(last, size);
    const newest = items.at(-1)?.seq ?? last;
    if (newest <= last) return;
    yield* untilAborted(items, signals);
    last = newest;
  }
}

function* untilAborted<T>(items: readonly T[], signals: Stops['signals']): Generator<T, void, undefined> {
  for (const item of items) {
    for (const signal of signals) signal?.throwIfAborted();
    yield item;
  }
}

function pageSize(asked: number | undefined, most: number): number {
  const size = asked ?? most;
  if (!Number.isSafeInteger(size) || size < 1 || size > most) {
    throw new RangeError(`limit is the size of a page, a whole number from 1 to ${most}`);
  }
  return size;
}
