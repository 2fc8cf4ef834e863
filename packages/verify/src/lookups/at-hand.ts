/**
 * What was asked for lately, before the Map that holds everything: a digest is its own hash, and need not be hashed again to be found.
 * Each place holds one, the latest, so that whoever chooses digests that fall together brings about a look into the Map and no more.
 */
import { type DigestKey, digestWord } from '../digest.ts';

export interface AtHand<T extends { readonly digest: DigestKey }> {
  /** The one of this digest, if nothing else has taken its place. */
  get(digest: DigestKey): T | undefined;
  put(one: T): void;
  /** Must be called for whatever is no longer held elsewhere. */
  remove(one: T): void;
  /** Makes places for as many. What was at hand has to be put there again. */
  fit(held: number): void;
  clear(): void;
}

/** Powers of two, as places are told from the lowest bits: 128 KiB to 2 MiB of pointers. */
const FEWEST_PLACES = 16_384;
const MOST_PLACES = 262_144;
/** Places for each that is held: of few, nearly all are found in theirs; of a hundred thousand, four in five. */
const PLACES_OF_ONE = 4;

export function atHand<T extends { readonly digest: DigestKey }>(): AtHand<T> {
  let places = emptied<T>(FEWEST_PLACES);
  let mask = FEWEST_PLACES - 1;
  return {
    get(digest) {
      const one = places[digestWord(digest, 0) & mask];
      return one !== undefined && one.digest === digest ? one : undefined;
    },
    put(one) {
      places[digestWord(one.digest, 0) & mask] = one;
    },
    remove(one) {
      const place = digestWord(one.digest, 0) & mask;
      if (places[place] === one) places[place] = undefined;
    },
    fit(held) {
      if (held * PLACES_OF_ONE <= places.length || places.length === MOST_PLACES) return;
      // At once four times as many, since all that were at hand are looked for anew.
      const count = Math.min(places.length * 4, MOST_PLACES);
      places = emptied(count);
      mask = count - 1;
    },
    clear() {
      places.fill(undefined);
    },
  };
}

function emptied<T>(count: number): (T | undefined)[] {
  return new Array<T | undefined>(count).fill(undefined);
}
