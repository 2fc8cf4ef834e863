/** How many streams a token may have open at once: each costs memory for as long as its reader stays. */
import { Refusal } from '../core/refusal.ts';

export interface StreamPlaces {
  /** Takes a place; the answer gives it back. Throws `too_many` where the token has none left. */
  take(token: string): () => void;
}

/** For a fleet that shares one token, on each node and worker of it. */
const MOST_OF_A_TOKEN = 1024;

export function streamPlaces(most: number = MOST_OF_A_TOKEN): StreamPlaces {
  const taken = new Map<string, number>();
  return {
    take(token) {
      const before = taken.get(token) ?? 0;
      if (before >= most) throw new Refusal('too_many', `the token follows the change feed ${most} times already`);
      taken.set(token, before + 1);
      return () => {
        const left = (taken.get(token) ?? 1) - 1;
        if (left > 0) taken.set(token, left);
        else taken.delete(token);
      };
    },
  };
}
