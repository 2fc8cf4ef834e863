/**
 * Credits of a token: how many requests it may still make, and how that changes. Pure arithmetic; whoever writes an account
 * does so in a unit of work that read it, so that nothing is spent or filled up twice on however many nodes.
 */
import { type PeriodLength, periodAt } from './periods.ts';

/** At the start of each period what is left becomes at least `amount`; what is more stays. */
export interface Refill {
  readonly amount: number;
  readonly period: PeriodLength;
}

export interface CreditAccount {
  readonly remaining: number;
  /** What there was after the last grant or refill: what `remaining` counts down from. */
  readonly granted: number;
  /** Key of the period of the last grant or refill; empty without a refill. */
  readonly period: string;
  /** What the last refill added. */
  readonly added: number;
  /** Counts refills, and grants twice: a refund knows whether what it gives back was filled up meanwhile. */
  readonly generation: number;
}

export const MOST_CREDITS = 1_000_000_000_000;

/** An account with so much in it. `before`: the one that it replaces. */
export function granted(
  remaining: number,
  { refill, now, before }: { readonly refill: Refill | null; readonly now: number; readonly before?: CreditAccount },
): CreditAccount {
  return {
    remaining,
    granted: remaining,
    period: refill === null ? '' : periodAt(refill.period, now).key,
    added: 0,
    generation: (before?.generation ?? 0) + 2,
  };
}

/** The account as it is now, filled up where a period has begun since. A clock that is behind fills nothing up again. */
export function filledUp(account: CreditAccount, refill: Refill | null, now: number): CreditAccount {
  if (refill === null) return account;
  const { key } = periodAt(refill.period, now);
  if (key <= account.period) return account;
  const remaining = Math.max(account.remaining, refill.amount);
  const added = remaining - account.remaining;
  return { remaining, granted: remaining, period: key, added, generation: account.generation + 1 };
}

/** Undefined where there is not as much left. */
export function spent(account: CreditAccount, cost: number): CreditAccount | undefined {
  return account.remaining < cost ? undefined : { ...account, remaining: account.remaining - cost };
}

/**
 * The account as if that request had never been: what a refill has made good since is not given back a second time, and
 * what a grant has replaced is gone.
 */
export function refunded(
  account: CreditAccount,
  { cost, generation }: { readonly cost: number; readonly generation: number },
): CreditAccount {
  if (account.generation === generation) return { ...account, remaining: account.remaining + cost };
  if (account.generation !== generation + 1) return account;
  const back = Math.max(0, cost - account.added);
  const remaining = account.remaining + back;
  return { ...account, remaining, granted: account.granted + back, added: Math.max(0, account.added - cost) };
}
