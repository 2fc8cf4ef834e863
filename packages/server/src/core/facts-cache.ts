/**
 * The lookup behind every verdict: facts in memory, close to the decision, and dropped when the change feed says so. Facts
 * are cached, never verdicts, so that nothing is reused for what it was not judged for.
 */
import type { DigestKey, MaybePromise, TokenFacts, TokenLookup } from '@tessera/verify';
import { concerns, digestKey, factsMemory } from '@tessera/verify';
import type { Told } from './change-order.ts';
import type { Feed } from './feed.ts';
import { importedPrefixes } from './imported-prefixes.ts';
import { meanwhile } from './meanwhile.ts';
import type { Change, TokenContext } from './model.ts';
import { readAhead } from './read-ahead.ts';
import type { Store } from './store-port.ts';
import { factsOf } from './tokens/facts.ts';

export interface FactsCacheOptions {
  readonly store: Pick<Store, 'find' | 'importedPrefixes'>;
  readonly feed: Feed;
  /** Most tokens kept in memory. */
  readonly maxTokens: number;
  readonly onLookup: (outcome: 'hit' | 'miss' | 'stale') => void;
}

export interface FactsCache extends TokenLookup {
  /** Whoever keeps facts that were found elsewhere has made sure, in the same turn, that nothing was missed and no change concerns them. */
  keep(digest: DigestKey, facts: TokenFacts): void;
  /** Whether the facts are in memory, and a look-up costs the store nothing, or one read where something changed just now. */
  has(digest: DigestKey): boolean;
  /** Reads what imported tokens look like. Needed once before the first verdict. */
  load(): Promise<void>;
}

type Ended = ReturnType<ReturnType<typeof meanwhile>['begin']>;

export function factsCache({ store, feed, maxTokens, onLookup }: FactsCacheOptions): FactsCache {
  const facts = factsMemory(maxTokens);
  const imports = importedPrefixes(() => store.importedPrefixes(undefined));
  const changing = meanwhile();
  const ahead = readAhead<DigestKey>(feed.answers);

  const keep = (digest: DigestKey, found: TokenFacts): void => {
    facts.keep(digest, found);
    ahead.add(digest);
  };

  /** Facts that may have become other ones while they were read are used once and not kept. */
  const arrived = (digest: DigestKey, context: TokenContext | undefined, ended: Ended): TokenFacts | undefined => {
    let found: TokenFacts | undefined;
    let isOld = true;
    try {
      found = context && factsOf(context);
    } finally {
      isOld = ended((change) => found === undefined || concerns(change, found));
    }
    if (found !== undefined && !isOld && feed.fresh()) keep(digest, found);
    return found;
  };

  const forget = (change: Change): void => {
    if (change.kind.startsWith('token.')) {
      facts.deleteDescendants(change.id);
      facts.deleteToken(change.id);
      return;
    }
    // Owners, roles, apis and workspaces change seldom and stand behind many tokens: all facts are gone through.
    facts.deleteWhere((found) => concerns(change, found));
  };

  const hear = (change: Told): void => {
    if (change === 'missed' || change.kind === 'token.imported') imports.outdated();
    changing.hear(change);
    if (change === 'missed') facts.clear();
    // What is new stands behind nothing that was read before.
    else if (!change.kind.endsWith('.created')) forget(change);
  };
  const returned = (): void => {
    imports.outdated();
    changing.hear('missed');
    // The rest stands on changes that were told: a store that has been away is not asked for all tokens at once.
    for (const digest of ahead.take()) facts.delete(digest);
  };
  feed.subscribe(hear, returned);

  const known = (digest: DigestKey): TokenFacts | undefined => {
    const kept = feed.fresh() ? facts.get(digest) : undefined;
    if (kept !== undefined) onLookup('hit');
    return kept;
  };

  return {
    known,
    keep,
    find(digest): MaybePromise<TokenFacts | undefined> {
      const kept = known(digest);
      if (kept !== undefined) return kept;
      onLookup(feed.fresh() ? 'miss' : 'stale');
      const ended = changing.begin();
      const failed = (error: unknown): never => {
        ended(() => false);
        throw error;
      };
      let context: MaybePromise<TokenContext | undefined>;
      try {
        context = store.find(digest);
      } catch (error) {
        return failed(error);
      }
      return context instanceof Promise
        ? context.then((value) => arrived(digest, value, ended), failed)
        : arrived(digest, context, ended);
    },
    imported: (text) => imports.algorithmsOf(text).map((algorithm) => digestKey(text, algorithm)),
    has: (digest) => feed.follows() && facts.has(digest),
    load: imports.load,
  };
}
