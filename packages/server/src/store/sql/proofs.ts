/** The proofs that were used, as rows: each is claimed once, by whichever node comes first. */
import { sql } from 'kysely';
import type { DatabaseTime } from './nodes.ts';
import type { Db } from './tables.ts';

/** By how much clocks of nodes may differ from the database's: for so long a row outlives its claim. Milliseconds. */
const CLOCKS_DIFFER = 300_000;

/** Claims that are over go with the next one that is made. */
export async function claimProof(db: Db, now: DatabaseTime, claim: { id: string; until: number }): Promise<boolean> {
  await db
    .deleteFrom('proofs')
    .where('until', '<', sql<number>`${now} - ${sql.lit(CLOCKS_DIFFER)}`)
    .execute();
  const { numInsertedOrUpdatedRows = 0n } = await db
    .insertInto('proofs')
    .values(claim)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows > 0n;
}
