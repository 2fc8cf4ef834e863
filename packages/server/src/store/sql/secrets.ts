/** Secrets: digests, never texts. */
import { sql } from 'kysely';
import type { Secret } from '../../core/model.ts';
import { DigestTaken } from '../../core/store-port.ts';
import { bytes, requireOne } from './columns.ts';
import type { Db, SecretRow } from './tables.ts';

const LAST_CHARACTERS = 4;

export function secretOf(row: SecretRow): Secret {
  return {
    digest: bytes(row.digest),
    algorithm: row.algorithm as Secret['algorithm'],
    token: row.token,
    fingerprint: row.fingerprint,
    hint: row.hint,
    state: row.state as Secret['state'],
    createdAt: row.created_at,
    validUntil: row.valid_until,
    graceSeconds: row.grace_seconds,
    lastUsedAt: row.last_used_at,
  };
}

/**
 * @throws DigestTaken where any token has the digest already. The conflict is no error to the database, because
 *   PostgreSQL would refuse every further statement of the transaction after one.
 */
export async function insertSecret(db: Db, value: Secret): Promise<void> {
  const ordinal = sql<number>`(select coalesce(max(ordinal), 0) + 1 from secrets where token = ${value.token})`;
  const result = await db
    .insertInto('secrets')
    .values({
      digest: value.digest,
      algorithm: value.algorithm,
      token: value.token,
      ordinal,
      fingerprint: value.fingerprint,
      hint: value.hint,
      last_four: value.hint.slice(-LAST_CHARACTERS),
      state: value.state,
      created_at: value.createdAt,
      valid_until: value.validUntil,
      grace_seconds: value.graceSeconds,
      last_used_at: value.lastUsedAt,
    })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows !== 1n) throw new DigestTaken('another secret has this digest');
}

export async function updateSecret(db: Db, value: Secret): Promise<void> {
  const result = await db
    .updateTable('secrets')
    .set({ state: value.state, valid_until: value.validUntil, grace_seconds: value.graceSeconds })
    .where('digest', '=', value.digest)
    .where('token', '=', value.token)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'secret');
}

/** The ids of tokens that have a secret with this fingerprint, or with these last four characters. */
export function tokensOfSecretNamed(db: Db, name: string) {
  const column = name.length === LAST_CHARACTERS ? 'last_four' : 'fingerprint';
  return db.selectFrom('secrets').select('token').where(column, '=', name);
}
