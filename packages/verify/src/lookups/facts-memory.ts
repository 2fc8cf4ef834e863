/** Facts in memory, at most so many: those that were not asked for lately make room. A hit writes one boolean. */
import type { DigestKey } from '../digest.ts';
import type { TokenFacts } from '../ports.ts';
import { atHand } from './at-hand.ts';

export interface FactsMemory {
  get(digest: DigestKey): TokenFacts | undefined;
  /** As `get`, which leaves no trace of having asked. */
  has(digest: DigestKey): boolean;
  keep(digest: DigestKey, facts: TokenFacts): void;
  delete(digest: DigestKey): void;
  /** Of all secrets of the token. Costs nothing for the others. */
  deleteToken(id: string): void;
  /** Of all that descend from the token; not its own. Costs nothing for the others. */
  deleteDescendants(id: string): void;
  /** Changes what is kept of all secrets of the token; its id and its line stay the same. */
  changeToken(id: string, changed: (facts: TokenFacts) => TokenFacts): void;
  /** Goes through all facts. */
  deleteWhere(isOld: (facts: TokenFacts) => boolean): void;
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

/**
 * Second chance instead of strict least recent use: an entry that was asked for is passed over once. So a hit moves nothing,
 * and neither Map ever sheds and refills at the rate of the requests.
 */
export function factsMemory(max: number): FactsMemory {
  const byDigest = new Map<DigestKey, Entry>();
  const lately = atHand<Entry>();
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
    lately.remove(entry);
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

  const ofToken = (id: string, act: (entry: Entry) => void): void => {
    let entry = byToken.get(id);
    while (entry !== undefined) {
      const next = entry.sibling;
      act(entry);
      entry = next;
    }
  };

  return {
    get(digest) {
      let entry = lately.get(digest);
      if (entry === undefined) {
        entry = byDigest.get(digest);
        if (entry === undefined) return undefined;
        lately.put(entry);
      }
      entry.isUsed = true;
      return entry.facts;
    },
    has: (digest) => byDigest.has(digest),
    keep(digest, facts) {
      const known = byDigest.get(digest);
      // Put in anew, and not changed in place: what it descends from may be another line.
      if (known !== undefined) forget(known);
      if (slots.length >= max) makeRoom();
      const isUsed = known !== undefined;
      const entry: Entry = { digest, facts, isUsed, slot: slots.length, sibling: byToken.get(facts.id) };
      byDigest.set(digest, entry);
      byToken.set(facts.id, entry);
      for (const parent of facts.parents ?? []) {
        const children = byParent.get(parent);
        if (children === undefined) byParent.set(parent, new Set([entry]));
        else children.add(entry);
      }
      slots.push(entry);
      lately.fit(slots.length);
    },
    deleteToken: (id) => ofToken(id, forget),
    deleteDescendants(id) {
      for (const child of [...(byParent.get(id) ?? [])]) forget(child);
    },
    changeToken(id, changed) {
      ofToken(id, (entry) => {
        entry.facts = changed(entry.facts);
      });
    },
    deleteWhere(isOld) {
      // From the end: whoever takes the slot of one that goes was looked at before.
      for (let at = slots.length - 1; at >= 0; at -= 1) {
        const entry = slots[at];
        if (entry !== undefined && isOld(entry.facts)) forget(entry);
      }
    },
    delete(digest) {
      const entry = byDigest.get(digest);
      if (entry !== undefined) forget(entry);
    },
    clear() {
      byDigest.clear();
      lately.clear();
      byToken.clear();
      byParent.clear();
      slots.length = 0;
      hand = 0;
    },
    size: () => slots.length,
  };
}
