/** Which tokens and secrets a report of use is about: those of its own workspace alone. */
import type { UsedSecret } from '../../core/store-port.ts';
import { bytes } from './columns.ts';
import type { Db } from './tables.ts';

export async function tokensAmong(db: Db, workspace: string, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('tokens')
    .select('id')
    .where('workspace', '=', workspace)
    .where('id', 'in', [...new Set(ids)])
    .execute();
  return rows.map(({ id }) => id);
}

export async function secretsAmong(
  db: Db,
  workspace: string,
  digests: readonly Uint8Array[],
): Promise<readonly UsedSecret[]> {
  if (digests.length === 0) return [];
  const rows = await db
    .selectFrom('secrets')
    .innerJoin('tokens', 'tokens.id', 'secrets.token')
    .select(['secrets.digest', 'secrets.token', 'secrets.state'])
    .where('tokens.workspace', '=', workspace)
    .where('secrets.digest', 'in', digests)
    .execute();
  return rows.map(({ digest, token, state }) => ({
    digest: bytes(digest),
    token,
    state: state as UsedSecret['state'],
  }));
}
