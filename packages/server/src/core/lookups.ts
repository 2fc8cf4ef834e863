/** The facts of tokens for somebody who keeps them and follows the change feed from a position on. */
import type { DigestKey, TokenFacts } from '@tessera/verify';
import type { ImportedPrefix, Store } from './store-port.ts';
import { factsOf } from './tokens/facts.ts';

export interface LookedUp {
  /** What changed up to here is in the facts; what changed later may be, and the feed will tell of it. */
  readonly seq: number;
  /** In the order of the digests; undefined: nobody of this workspace has it. */
  readonly facts: readonly (TokenFacts | undefined)[];
  readonly imports: readonly ImportedPrefix[];
}

/** Asks the store and no cache: what is in memory may be older than the newest change by a poll of the feed. */
export async function lookUp(
  store: Pick<Store, 'find' | 'latestChange' | 'importedPrefixes'>,
  workspace: string,
  digests: readonly DigestKey[],
): Promise<LookedUp> {
  // First and alone: a change that comes between this and what follows is told twice, and never missed.
  const seq = await store.latestChange();
  const [imports, ...contexts] = await Promise.all([
    store.importedPrefixes(workspace),
    ...digests.map((digest) => store.find(digest)),
  ]);
  const facts = contexts.map((context) => (context?.workspace.id === workspace ? factsOf(context) : undefined));
  return { seq, facts, imports };
}
