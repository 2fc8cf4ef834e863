/** The reads that caches live on, from a script: look-ups and polls are answered when the test says so. */
import type { DigestKey } from '@tessera/verify';
import type { Change, TokenContext } from '../../../src/core/model.ts';
import type { Hearing, ImportedPrefix, Store } from '../../../src/core/store-port.ts';

export interface ScriptedStore
  extends Pick<Store, 'changes' | 'latestChange' | 'onCommit' | 'listen' | 'find' | 'importedPrefixes'> {
  /** What another node commits: it is in the feed, and this process hears nothing of it. */
  commitElsewhere(...changes: readonly Omit<Change, 'seq' | 'at'>[]): void;
  /** What this process commits. */
  commitHere(...changes: readonly Omit<Change, 'seq' | 'at'>[]): void;
  /** What this process tells somebody of changes that others made. */
  tellHere(seen: number): void;
  /** Drops changes that nobody read yet, as a feed that was cut. */
  lose(count: number): void;
  /** Replaces all changes, as a store that is restored. */
  restore(...changes: readonly Omit<Change, 'seq' | 'at'>[]): void;
  /** Set while somebody listens. */
  hearing: Hearing | undefined;
  readonly known: Map<DigestKey, TokenContext>;
  readonly prefixes: ImportedPrefix[];
  /** Look-ups that came so far. */
  readonly finds: number;
  readonly polls: number;
  /** Set: reads fail. */
  broken: Error | undefined;
  /** Set: `find` answers with what it read at once, but not before this resolves. */
  findsAfter: Promise<void> | undefined;
}

export function scriptedStore(): ScriptedStore {
  const feed: Change[] = [];
  const listeners: ((changes: readonly Change[], seen?: number) => void)[] = [];
  let seq = 0;
  let finds = 0;
  let polls = 0;
  const add = (changes: readonly Omit<Change, 'seq' | 'at'>[]): Change[] => {
    const added = changes.map((change) => ({ ...change, seq: ++seq, at: 0 }));
    feed.push(...added);
    return added;
  };
  const store: ScriptedStore = {
    known: new Map(),
    prefixes: [],
    broken: undefined,
    findsAfter: undefined,
    get finds() {
      return finds;
    },
    get polls() {
      return polls;
    },
    commitElsewhere: (...changes) => void add(changes),
    commitHere(...changes) {
      const added = add(changes);
      for (const listener of listeners) listener(added);
    },
    tellHere(seen) {
      for (const listener of listeners) listener([], seen);
    },
    restore(...changes) {
      feed.length = 0;
      seq = 0;
      add(changes);
    },
    hearing: undefined,
    listen(hearing) {
      store.hearing = hearing;
      return () => {
        store.hearing = undefined;
      };
    },
    lose: (count) => void feed.splice(-count),
    onCommit: (listener) => void listeners.push(listener),
    async changes({ since, limit }) {
      polls += 1;
      if (store.broken !== undefined) throw store.broken;
      return feed.filter((change) => change.seq > since).slice(0, limit);
    },
    async latestChange() {
      return seq;
    },
    find(digest) {
      finds += 1;
      if (store.broken !== undefined) throw store.broken;
      const found = store.known.get(digest);
      return store.findsAfter === undefined ? found : store.findsAfter.then(() => found);
    },
    async importedPrefixes() {
      if (store.broken !== undefined) throw store.broken;
      return [...store.prefixes];
    },
  };
  return store;
}
