/** Credits of a token as an administrator grants and changes them; requests spend them elsewhere. */
import type { Body } from '@tessera/contract';
import { type CreditAccount, filledUp, granted, MOST_CREDITS } from '../credits.ts';
import type { Credits, Token } from '../model.ts';
import { invalid } from '../refusal.ts';
import type { Tx } from '../store-port.ts';

type Change = NonNullable<Body<'tokens.update'>['credits']>;

export function creditsOf(input: Body<'tokens.create'>['credits']): Credits | null {
  return input === undefined ? null : { refill: input.refill ?? null };
}

/** The account of a token that was just minted. */
export async function openAccount(
  tx: Tx,
  { id, credits, createdAt }: Token,
  input: Body<'tokens.create'>['credits'],
): Promise<CreditAccount | undefined> {
  if (credits === null || input === undefined) return undefined;
  const account = granted(input.remaining, { refill: credits.refill, now: createdAt });
  await tx.putCredits(id, account);
  return account;
}

/** What the change makes of the token's rule; the account follows with {@link changeAccount}. */
export function changedCredits(token: Token, change: Change | null | undefined): Credits | null {
  if (change === undefined) return token.credits;
  if (change === null) return null;
  return { refill: change.refill === undefined ? (token.credits?.refill ?? null) : change.refill };
}

/** Within the unit of work that changes the token, so that what requests spend meanwhile is neither lost nor given twice. */
export async function changeAccount(
  tx: Tx,
  { before, after }: { readonly before: Token; readonly after: Token },
  { change, now }: { readonly change: Change | null; readonly now: number },
): Promise<{ readonly from: number | null; readonly to: number | null }> {
  const kept = await tx.credits(after.id);
  const old = kept && filledUp(kept, before.credits?.refill ?? null, now);
  const from = old?.remaining ?? null;
  if (change === null) {
    await tx.putCredits(after.id, undefined);
    return { from, to: null };
  }
  const given = change.remaining ?? change.add;
  if (old === undefined && given === undefined)
    throw invalid('/credits/remaining', 'is required where the token has no credits yet');
  const to = change.remaining ?? (old?.remaining ?? 0) + (change.add ?? 0);
  if (to > MOST_CREDITS) throw invalid('/credits/add', 'would make more credits than can be counted');
  const account = granted(to, { refill: after.credits?.refill ?? null, now, ...(old && { before: old }) });
  await tx.putCredits(after.id, account);
  return { from, to };
}
