/** What every bench is given, and what it gives. */
import { join } from 'node:path';
import type { Outcome } from './report.ts';
import { type SeededToken, seed, TOKEN } from './seed.ts';

export interface Plan {
  readonly quick: boolean;
  readonly rounds: number;
  /** Length of one round of one contestant. */
  readonly seconds: number;
  /** Tokens in the store of the benches over HTTP. */
  readonly tokens: number;
  readonly largeStore: number;
  readonly smallStore: number;
  /** In PostgreSQL, where they are made in the server. */
  readonly vastStore: number;
  readonly badTokens: number;
}

export interface Rig {
  readonly plan: Plan;
  /** An empty folder of its own for this run. */
  newFolder(): string;
  /** A folder that is seeded with so many tokens, once a run. Without `token` each has a limit of its own. */
  seeded(tokens: number, token?: SeededToken): Promise<string>;
}

export type Bench = (rig: Rig) => Promise<Outcome>;

export function planOf(quick: boolean): Plan {
  return quick
    ? {
        quick,
        rounds: 3,
        seconds: 1,
        tokens: 10_000,
        largeStore: 100_000,
        smallStore: 10_000,
        vastStore: 500_000,
        badTokens: 40_000,
      }
    : {
        quick,
        rounds: 5,
        seconds: 3,
        tokens: 100_000,
        largeStore: 1_000_000,
        smallStore: 10_000,
        vastStore: 10_000_000,
        badTokens: 1_000_000,
      };
}

/** @param root an empty folder, which the caller removes */
export function rigIn(root: string, plan: Plan): Rig {
  const folders = new Map<string, Promise<string>>();
  let count = 0;
  const newFolder = (): string => {
    count += 1;
    return join(root, String(count));
  };
  return {
    plan,
    newFolder,
    seeded(tokens, token = TOKEN) {
      const name = `${tokens} ${JSON.stringify(token)}`;
      const folder = folders.get(name) ?? seed(newFolder(), tokens, token);
      folders.set(name, folder);
      return folder;
    },
  };
}
