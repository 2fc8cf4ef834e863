/** Credits of tokens: one small row each, apart from the token's own, since every request writes it. */
import type { CreditAccount } from '../../core/credits.ts';
import { builtQuery } from './built.ts';
import type { CreditRow, Db } from './tables.ts';

export async function credits(db: Db, token: string): Promise<CreditAccount | undefined> {
  const [row] = await readCredits(db, token);
  return row && accountOf(row);
}

export function accountOf({ remaining, granted, period, added, generation }: CreditRow): CreditAccount {
  return { remaining, granted, period, added, generation };
}

const readCredits = builtQuery((db) => db.selectFrom('credits').selectAll().where('token', '=', ''));

export async function putCredits(db: Db, token: string, account: CreditAccount | undefined): Promise<void> {
  if (account === undefined) {
    await db.deleteFrom('credits').where('token', '=', token).execute();
    return;
  }
  const { remaining, granted, period, added, generation } = account;
  const state = { remaining, granted, period, added, generation };
  await db
    .insertInto('credits')
    .values({ token, ...state })
    .onConflict((conflict) => conflict.column('token').doUpdateSet(state))
    .execute();
}
