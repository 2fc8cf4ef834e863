/** Digests that somebody had when they were looked up: a stranger can make up others, and none of these. In a table of fixed size, without a word of who had them. */
import { type DigestKey, digestWord } from '../../digest.ts';

export interface FamiliarDigests {
  add(digest: DigestKey): void;
  /** Also true, by one chance in billions, of one that was never added; false of some that others took the place of. */
  has(digest: DigestKey): boolean;
}

const FEWEST_SLOTS = 1024;
const MOST_SLOTS = 2 ** 20;

/** @param most how many are expected; four bytes for each slot, and two slots for each */
export function familiarDigests(most: number): FamiliarDigests {
  let slots = FEWEST_SLOTS;
  while (slots < 2 * most && slots < MOST_SLOTS) slots *= 2;
  const marks = new Uint32Array(slots);
  const slotOf = (digest: DigestKey): number => digestWord(digest, 0) % slots;
  return {
    add(digest) {
      marks[slotOf(digest)] = markOf(digest);
    },
    has: (digest) => marks[slotOf(digest)] === markOf(digest),
  };
}

/** Never that of an empty slot. */
function markOf(digest: DigestKey): number {
  return (digestWord(digest, 4) | 1) >>> 0;
}
