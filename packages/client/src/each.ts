/** Walks a list from page to page, asking for the next one only when it is wanted. */

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Every item, in the order of the list. Stops when the server names the cursor it was just given, which would never end. */
export async function* each<T>(
  load: (cursor: string | undefined) => Promise<Page<T>>,
  start?: string,
): AsyncGenerator<T, void, undefined> {
  let cursor = start;
  for (;;) {
    const page = await load(cursor);
    yield* page.items;
    if (page.nextCursor === null || page.nextCursor === cursor) return;
    cursor = page.nextCursor;
  }
}
