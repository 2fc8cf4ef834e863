/** Facts in memory, at most so many: those that were not asked for lately make room. A hit writes one boolean. */
import { concerns } from '../../concerns.ts';
import type { DigestKey } from '../../digest.ts';
import type { TokenFacts } from '../../ports.ts';
import type { Change } from './recent-changes.ts';

export interface KeptFacts {
  get(digest: DigestKey): TokenFacts | undefined;
  keep(digest: DigestKey, facts: TokenFacts): void;
  /**
   * Forgets what is other after this change. What is revoked is never anything else again, and is kept as that: else every verifier
   * would ask the server for the same token at the same moment.
   */
  drop(change: Change): void;
  delete(digest: DigestKey): void;
  clear(): void;
  size(): number;
}

interface Entry {
  readonly digest: DigestKey;
  facts: TokenFacts;
  /** Asked for since the hand passed. */
  isUsed: boolean;
  /** Where it stands among the slots. */
  slot: number;
  /** The next secret of the same token. */
  sibling: Entry | undefined;
}

/** The feed does not say when, and no verdict does. */
const LONG_AGO = 0;

/**
 * Second chance instead of strict least recent use: an entry that was asked for is passed over once. So a hit moves nothing,
 * and neither Map ever sheds and refills at the rate of the requests.
 */
export function keptFacts(max: number): KeptFacts {
  const byDigest = new Map<DigestKey, Entry>();
  const byToken = new Map<string, Entry>();
  /** Of tokens that descend from another, by the id of each that they descend from. */
  const byParent = new Map<string, Set<Entry>>();
  const slots: Entry[] = [];
  let hand = 0;

  const unlink = (entry: Entry): void => {
    const { id, parents = [] } = entry.facts;
    for (const parent of parents) {
      const children = byParent.get(parent);
      children?.delete(entry);
      if (children?.size === 0) byParent.delete(parent);
    }
    const first = byToken.get(id);
    if (first === entry) {
      if (entry.sibling === undefined) byToken.delete(id);
      else byToken.set(id, entry.sibling);
      return;
    }
    let before = first;
    while (before !== undefined && before.sibling !== entry) before = before.sibling;
    if (before !== undefined) before.sibling = entry.sibling;
  };

  const forget = (entry: Entry): void => {
    byDigest.delete(entry.digest);
    unlink(entry);
    // The last one takes its slot, so that there are no gaps.
    const last = slots.pop();
    if (last === undefined || last === entry) return;
    slots[entry.slot] = last;
    last.slot = entry.slot;
  };

  const makeRoom = (): void => {
    for (;;) {
      hand = hand < slots.length ? hand : 0;
      const entry = slots[hand];
      if (entry === undefined) return;
      if (!entry.isUsed) {
        forget(entry);
        return;
      }
      entry.isUsed = false;
      hand += 1;
    }
  };

  return {
    get(digest) {
      const entry = byDigest.get(digest);
      if (entry === undefined) return undefined;
      entry.isUsed = true;
      return entry.facts;
    },
    keep(digest, facts) {
      const known = byDigest.get(digest);
      // A secret never moves to another token; where it seems so, it is another entry.
      if (known !== undefined && known.facts.id === facts.id) {
        known.facts = facts;
        return;
      }
      if (known !== undefined) forget(known);
      if (slots.length >= max) makeRoom();
      const entry: Entry = { digest, facts, isUsed: false, slot: slots.length, sibling: byToken.get(facts.id) };
      byDigest.set(digest, entry);
      byToken.set(facts.id, entry);
      for (const parent of facts.parents ?? []) {
        const children = byParent.get(parent);
        if (children === undefined) byParent.set(parent, new Set([entry]));
        else children.add(entry);
      }
      slots.push(entry);
    },
    drop(change) {
      // What is new stands behind nothing that was read before.
      if (change.kind.endsWith('.created')) return;
      if (change.kind.startsWith('token.')) {
        for (const child of [...(byParent.get(change.id) ?? [])]) forget(child);
        let entry = byToken.get(change.id);
        while (entry !== undefined) {
          const next = entry.sibling;
          if (change.kind === 'token.revoked') entry.facts = { ...entry.facts, revokedAt: LONG_AGO };
          else forget(entry);
          entry = next;
        }
        return;
      }
      // Owners, roles, apis and workspaces change seldom and stand behind many tokens: all facts are gone through.
      for (let at = slots.length - 1; at >= 0; at -= 1) {
        const entry = slots[at];
        if (entry !== undefined && concerns({ ...change, workspace: entry.facts.workspace.id }, entry.facts))
          forget(entry);
      }
    },
    delete(digest) {
      const entry = byDigest.get(digest);
      if (entry !== undefined) forget(entry);
    },
    clear() {
      byDigest.clear();
      byToken.clear();
      byParent.clear();
      slots.length = 0;
      hand = 0;
    },
    size: () => slots.length,
  };
}
