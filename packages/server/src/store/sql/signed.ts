/** What signed tokens need beside their rows: how long a change is of concern to any of them, and which changes still are. */
import type { Change } from '../../core/model.ts';
import type { NoticesAfter, SignedSubject } from '../../core/store-port.ts';
import { changeOf } from './changes.ts';
import type { Db } from './tables.ts';

/** When the last of the signed tokens ends that a change of this subject concerns; undefined: all have ended. */
export async function lastSigned(
  db: Db,
  { workspace, subject, id }: SignedSubject,
  now: number,
): Promise<number | undefined> {
  let query = db
    .selectFrom('tokens')
    .select((eb) => eb.fn.max('expires_at').as('until'))
    .where('workspace', '=', workspace)
    .where('format', '=', 'jwt')
    .where('expires_at', '>', now);
  if (subject === 'token') query = query.where((eb) => eb('id', 'in', line(db, workspace, id)));
  else if (subject !== 'workspace') query = query.where(subject, '=', id);
  const row = await query.executeTakeFirst();
  return row?.until ?? undefined;
}

/** Only those that live: of what has ended, a key may have signed any number. */
export async function endSignedWith(
  db: Db,
  { workspace, key }: { readonly workspace: string; readonly key: string },
  now: number,
): Promise<void> {
  await db
    .updateTable('secrets')
    .set({ state: 'retired', valid_until: now, grace_seconds: null })
    .where('signed_with', '=', key)
    .where('state', '!=', 'retired')
    .where((eb) => eb.or([eb('valid_until', 'is', null), eb('valid_until', '>', now)]))
    .where('token', 'in', (eb) =>
      eb
        .selectFrom('tokens')
        .select('tokens.id')
        .where('tokens.workspace', '=', workspace)
        .where('tokens.format', '=', 'jwt')
        .where('tokens.expires_at', '>', now),
    )
    .execute();
}

/** Ids of a token and of all that descend from it. */
export function line(db: Db, workspace: string, id: string) {
  return db
    .withRecursive('line', (base) =>
      base
        .selectFrom('tokens')
        .select('tokens.id')
        .where('tokens.workspace', '=', workspace)
        .where('tokens.id', '=', id)
        .union(
          base
            .selectFrom('line')
            .innerJoin('tokens as below', 'below.parent', 'line.id')
            .select('below.id')
            .where('below.workspace', '=', workspace),
        ),
    )
    .selectFrom('line')
    .select('line.id');
}

/** In the order in which they are over, which is that of their index. */
export async function notices(
  db: Db,
  workspace: string | undefined,
  { until, seq, limit }: NoticesAfter,
): Promise<readonly Change[]> {
  let query = db
    .selectFrom('changes')
    .selectAll()
    .where('signed_until', '>=', until)
    .where((eb) => eb.or([eb('signed_until', '>', until), eb('seq', '>', seq)]));
  if (workspace !== undefined) query = query.where('workspace', '=', workspace);
  const rows = await query.orderBy('signed_until').orderBy('seq').limit(limit).execute();
  return rows.map(changeOf);
}
