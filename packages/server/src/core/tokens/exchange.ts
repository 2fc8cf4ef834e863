/** Exchanging a token for a child of it (RFC 8693): narrower, soon over, and gone with the one that it came from. */
import type { TokenFacts } from '@tessera/verify';
import type { Confirmed } from '../call.ts';
import { invalid } from '../refusal.ts';
import type { Tx } from '../store-port.ts';
import { type Minted, type Minting, mint } from './mint.ts';

export interface ExchangeWish {
  readonly format: 'opaque' | 'jwt';
  /** Undefined: all that the token may do. */
  readonly scopes: readonly string[] | undefined;
  /** Life in seconds. Undefined: ten minutes, or less where something ends earlier. */
  readonly seconds: number | undefined;
  /** Id of the client that asks; undefined: nobody says. */
  readonly client: string | undefined;
  /** Thumbprint of the key that the child is bound to; undefined: that of the token, if any. */
  readonly boundKey: string | undefined;
}

const DEFAULT_SECONDS = 600;
/**
 * Whoever replaces a secret because a stranger has it must know when what the stranger exchanged it for is over.
 */
export const MOST_SECONDS = 3600;

/** The caller is the token that is exchanged. Throws `invalid_input` with the member that goes beyond it. */
export async function exchange(
  tx: Tx,
  call: Confirmed,
  { facts, wish, minting }: { readonly facts: TokenFacts; readonly wish: ExchangeWish; readonly minting: Minting },
): Promise<Minted> {
  const scopes = wish.scopes ?? facts.scopes;
  // What the token may do now, which its roles and those that it descends from say as well.
  const beyond = scopes.findIndex((scope) => !facts.scopes.includes(scope));
  if (beyond >= 0) throw invalid(`/scopes/${beyond}`, 'the token does not hold this scope', 'beyond_parent');
  const input = {
    parent: facts.id,
    name: facts.name,
    format: wish.format,
    scopes: [...scopes],
    expiresAt: new Date(await endOf(tx, call, { facts, wish, minting })).toISOString(),
    ...(wish.client !== undefined && { client: wish.client }),
    ...(wish.boundKey !== undefined && { boundKey: wish.boundKey }),
  };
  return mint(tx, call, input, minting);
}

/** Milliseconds since the epoch. What is asked for and cannot be is refused; a default ends as early as it has to. */
async function endOf(
  tx: Tx,
  { now }: Confirmed,
  { facts, wish, minting }: { readonly facts: TokenFacts; readonly wish: ExchangeWish; readonly minting: Minting },
): Promise<number> {
  // A secret that was replaced must not live on in what it was exchanged for.
  const last = Math.min(facts.expiresAt ?? Number.POSITIVE_INFINITY, facts.secret.until ?? Number.POSITIVE_INFINITY);
  if (wish.seconds === undefined) {
    const api = await tx.api(facts.workspace.id, facts.api.id);
    const bounds = [api?.maximumExpirySeconds, minting.policy.maxExpirySeconds].filter(
      (bound) => typeof bound === 'number',
    );
    return Math.min(now + Math.min(DEFAULT_SECONDS, ...bounds) * 1000, last);
  }
  if (wish.seconds > MOST_SECONDS)
    throw invalid('/expiresIn', `at most ${MOST_SECONDS} seconds are given in exchange`, 'too_long');
  const end = now + wish.seconds * 1000;
  if (end > last)
    throw invalid('/expiresIn', 'must not be after the end of the token that is exchanged', 'beyond_parent');
  return end;
}
