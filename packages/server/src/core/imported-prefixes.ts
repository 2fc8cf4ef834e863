/** What the texts of imported tokens begin with, so that no other text costs a look-up. */
import type { ImportedPrefix } from './store-port.ts';

type Algorithm = ImportedPrefix['algorithm'];

export interface ImportedPrefixes {
  /** Reads them. Needed once before the first text. */
  load(): Promise<void>;
  /** Some were added: they are read again, now or, should that fail, when a text asks for them. */
  outdated(): void;
  /** Under which digests a text may be known; most texts under none. Takes no longer for many prefixes than for few. */
  algorithmsOf(text: string): readonly Algorithm[];
}

export function importedPrefixes(read: () => Promise<readonly ImportedPrefix[]>): ImportedPrefixes {
  let byPrefix = new Map<string, readonly Algorithm[]>();
  let lengths: readonly number[] = [];
  /** Counts how often they changed, and up to which change they were read. */
  let changes = 0;
  let known = 0;
  let loading = false;

  const load = async (): Promise<void> => {
    const upTo = changes;
    const prefixes = await read();
    const groups = Map.groupBy(prefixes, ({ prefix }) => prefix);
    byPrefix = new Map([...groups].map(([prefix, group]) => [prefix, group.map(({ algorithm }) => algorithm)]));
    lengths = [...new Set(prefixes.map(({ prefix }) => prefix.length))];
    known = upTo;
  };

  const catchUp = async (): Promise<void> => {
    loading = true;
    try {
      while (known < changes) await load();
    } catch {
      // The texts of new imports are unknown until the store answers: refused, and tried again with the next of them.
    } finally {
      loading = false;
    }
  };

  const refresh = (): void => {
    if (known < changes && !loading) void catchUp();
  };

  return {
    load,
    outdated() {
      changes += 1;
      refresh();
    },
    algorithmsOf(text) {
      refresh();
      const found = lengths.flatMap((length) => byPrefix.get(text.slice(0, length)) ?? []);
      return [...new Set(found)];
    },
  };
}
