/** The tokens of a run: those that live, those whose end was asked for not long ago, which matter most, and those that soon use up a limit. */
import type { OnFault } from '@tessera/verify';
import type { Random } from './random.ts';

export type Way = 'revoke' | 'disable' | 'rotate' | 'disable owner' | 'revoke owner' | 'revoke issued before';

/** Ways that end all tokens of an owner. */
export const OWNED: readonly Way[] = ['disable owner', 'revoke owner', 'revoke issued before'];

export interface PooledToken {
  readonly id: string;
  readonly secret: string;
  /** How it will end. A token that ends with its owner has one of its own. */
  readonly way: Way;
  readonly owner: string | undefined;
  /** What its limit does while nothing counts it. Undefined: it has none. */
  readonly limit: OnFault | undefined;
}

export interface TokenPool {
  add(token: PooledToken): void;
  /** One of those that live, which from now on is one that ends. */
  takeOne(): PooledToken | undefined;
  /** What a caller presents next. */
  pick(): PooledToken;
  /** All whose end was asked for. */
  readonly ending: readonly PooledToken[];
}

/** Of those that end, as many as the last seconds brought: later nothing new can be learnt of one. */
const RECENT = 60;
const SHARE_OF_ENDING = 0.6;
const SHARE_OF_LIMITED = 0.3;

/** @param limited live to the end, and are asked for much more than their limit lets pass */
export function tokenPool(random: Random, limited: readonly PooledToken[] = []): TokenPool {
  const live: PooledToken[] = [];
  const ending: PooledToken[] = [];
  return {
    ending,
    add: (token) => void live.push(token),
    takeOne() {
      // The last one stays: somebody must be allowed.
      if (live.length < 2) return undefined;
      const [token] = live.splice(Math.floor(random.next() * live.length), 1);
      if (token !== undefined) ending.push(token);
      return token;
    },
    pick() {
      if (limited.length > 0 && random.next() < SHARE_OF_LIMITED) return random.of(limited);
      return ending.length > 0 && random.next() < SHARE_OF_ENDING ? random.of(ending.slice(-RECENT)) : random.of(live);
    },
  };
}
