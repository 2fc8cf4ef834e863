/** How many streams of the change feed may be open at once: each costs memory for as long as its reader stays. */
import { Refusal } from '../core/refusal.ts';

export interface StreamPlaces {
  /** Takes a place; the answer gives it back. Throws `too_many` where the token, its workspace or this node has none left. */
  take(reader: StreamReader): () => void;
}

export interface StreamReader {
  readonly token: string;
  readonly workspace: string;
}

export interface MostStreams {
  readonly ofToken: number;
  /** Tokens are for a workspace to mint: their number bounds nothing. */
  readonly ofWorkspace: number;
  readonly ofNode: number;
}

/** On each node, and each worker of it. A token is for a fleet that shares it. */
const MOST: MostStreams = { ofToken: 1024, ofWorkspace: 8192, ofNode: 16_384 };

export function streamPlaces(most: Partial<MostStreams> = {}): StreamPlaces {
  const { ofToken, ofWorkspace, ofNode } = { ...MOST, ...most };
  const taken = new Map<string, number>();
  return {
    take({ token, workspace }) {
      const bounds: readonly Bound[] = [
        [token, ofToken, 'the token follows'],
        [workspace, ofWorkspace, 'the tokens of this workspace follow'],
        [NODE, ofNode, 'on this node, others follow'],
      ];
      for (const [of, bound, who] of bounds)
        if ((taken.get(of) ?? 0) >= bound)
          throw new Refusal('too_many', `${who} the change feed ${bound} times already`);
      for (const [of] of bounds) taken.set(of, (taken.get(of) ?? 0) + 1);
      return () => {
        for (const [of] of bounds) {
          const left = (taken.get(of) ?? 1) - 1;
          if (left > 0) taken.set(of, left);
          else taken.delete(of);
        }
      };
    },
  };
}

/** Id of whom, how many, and how a refusal begins. */
type Bound = readonly [string, number, string];

/** No id of a token or a workspace. */
const NODE = 'node';
