/** The facts of tokens for somebody who keeps them and follows the change feed from a position on. */
import type { DigestKey, TokenFacts } from '@tessera/verify';
import type { ImportedPrefix, Store } from './store-port.ts';
import { factsOf } from './tokens/facts.ts';

export interface LookedUp {
  /** What changed up to here is in the facts; what changed later may be, and the feed will tell of it. */
  readonly seq: number;
  /** In the order of the digests, from the first one on, and of as many as fit into an answer; undefined: nobody of this workspace has it. */
  readonly facts: readonly (TokenFacts | undefined)[];
  readonly imports: readonly ImportedPrefix[];
}

/**
 * Scopes and address ranges of an answer; one token alone may have more. A token has those of all roles of its owner, thousands
 * where somebody wants it so, and while they are read and written out nobody else is answered.
 */
const MOST_ENTRIES = 20_000;
/** Digests that are read at once. */
const ROUND = 10;

/** Asks the store and no cache: what is in memory may be older than the newest change by a poll of the feed. */
export async function lookUp(
  store: Pick<Store, 'find' | 'latestChange' | 'importedPrefixes'>,
  workspace: string,
  digests: readonly DigestKey[],
): Promise<LookedUp> {
  // First and alone: a change that comes between this and what follows is told twice, and never missed.
  const seq = await store.latestChange();
  const imports = await store.importedPrefixes(workspace);
  const facts: (TokenFacts | undefined)[] = [];
  let room = MOST_ENTRIES;
  for (let start = 0; start < digests.length && room > 0; start += ROUND) {
    const contexts = await Promise.all(digests.slice(start, start + ROUND).map(async (digest) => store.find(digest)));
    for (const context of contexts) {
      if (room <= 0) break;
      const found = context?.workspace.id === workspace ? factsOf(context) : undefined;
      if (found !== undefined) room -= entriesOf(found);
      facts.push(found);
    }
  }
  return { seq, facts, imports };
}

function entriesOf({ scopes, addresses }: TokenFacts): number {
  return addresses.reduce(
    (count, { lists: { allow = [], deny = [] } }) => count + allow.length + deny.length,
    scopes.length,
  );
}
