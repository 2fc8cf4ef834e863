/** Secrets: digests, never texts. */
import type { Secret } from '../../core/model.ts';
import { DigestTaken } from '../../core/store-port.ts';
import { bytes, requireOne } from './columns.ts';
import type { Inserts } from './inserts.ts';
import type { Db, SecretRow } from './tables.ts';

const LAST_CHARACTERS = 4;
const FINGERPRINT = /^[a-z2-7]{16}$/;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const DIGEST_BYTES = 32;

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
    ...(row.signed_with !== null && { signedWith: row.signed_with }),
  };
}

/**
 * The first secret of a new token.
 *
 * @throws DigestTaken where any token has the digest already
 */
export async function insertFirstSecret(db: Db, insert: Inserts['secrets'], value: Secret): Promise<void> {
  if ((await insert(db, [rowOf(value, 1)])) === 0n) throw new DigestTaken('another secret has this digest');
}

/** @throws DigestTaken where any token has the digest already */
export async function insertSecret(db: Db, insert: Inserts['secrets'], value: Secret): Promise<void> {
  const latest = await db
    .selectFrom('secrets')
    .select((eb) => eb.fn.max('ordinal').as('ordinal'))
    .where('token', '=', value.token)
    .executeTakeFirst();
  const row = rowOf(value, (latest?.ordinal ?? 0) + 1);
  if ((await insert(db, [row])) === 0n) throw new DigestTaken('another secret has this digest');
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

/** The ids of tokens that have a secret with this fingerprint, or with these last four characters; undefined where the name can be neither. */
export function tokensOfSecretNamed(db: Db, name: string) {
  const query = db.selectFrom('secrets').select('token');
  if (name.length === LAST_CHARACTERS) return query.where('last_four', '=', name);
  if (!FINGERPRINT.test(name)) return undefined;
  const { from, to } = digestsOf(name);
  return query.where('digest', '>=', from).where('digest', '<=', to).where('fingerprint', '=', name);
}

/** A fingerprint is the start of the digest in base32 (RFC 4648 section 6): the digests' own order serves as its index. */
function digestsOf(fingerprint: string): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const bits = Array.from(fingerprint, (character) => BASE32.indexOf(character).toString(2).padStart(5, '0')).join('');
  const start = Array.from(bits.match(/[01]{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
  const to = new Uint8Array(DIGEST_BYTES).fill(0xff);
  to.set(start);
  return { from: Uint8Array.from(start), to };
}

function rowOf(value: Secret, ordinal: number): SecretRow {
  return {
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
    signed_with: value.signedWith ?? null,
  };
}
