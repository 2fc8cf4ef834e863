/** Tokens with their secrets. Rows are never deleted: why a token is refused is told long after its end. */
import type { Secret, Token, TokenWithSecrets } from '../../core/model.ts';
import { DigestTaken, type PageRequest, type TokenFilter } from '../../core/store-port.ts';
import { builtQuery } from './built.ts';
import { contains, flag, folded, fromJson, fromJsonOrNull, jsonOrNull, requireOne } from './columns.ts';
import { accountOf } from './credits.ts';
import type { Inserts } from './inserts.ts';
import { columnsOf, type JoinedRow, part } from './joined.ts';
import { insertFirstSecret, secretOf, tokensOfSecretNamed } from './secrets.ts';
import type { Db, TokenRow } from './tables.ts';

/** `lastUsedAt`: when one of its secrets was, the latest of them. */
export function tokenOf(row: TokenRow, lastUsedAt: number | null): Token {
  return {
    id: row.id,
    workspace: row.workspace,
    kind: row.kind as Token['kind'],
    name: row.name,
    owner: row.owner,
    api: row.api,
    environment: row.environment as Token['environment'],
    scopes: fromJson(row.scopes),
    limits: fromJson(row.limits),
    quota: fromJsonOrNull(row.quota),
    credits: fromJsonOrNull(row.credits),
    ip: fromJson(row.ip),
    metadata: fromJson(row.metadata),
    boundKey: row.bound_key,
    format: row.format as Token['format'],
    parent: row.parent,
    client: row.client,
    session: row.session,
    enabled: row.enabled === 1,
    createdBy: row.created_by,
    notBefore: row.not_before,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedReason: row.revoked_reason,
    lastUsedAt,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

export async function token(db: Db, workspace: string, id: string): Promise<TokenWithSecrets | undefined> {
  const [found] = grouped(await readToken(db, workspace, id));
  return found;
}

const readToken = builtQuery((db) => withSecrets(db, ofWorkspace(db, '').where('id', '=', '')));

export async function tokens(
  db: Db,
  workspace: string,
  { filter, page }: { readonly filter: TokenFilter; readonly page: PageRequest },
): Promise<readonly TokenWithSecrets[]> {
  const { owner, api, parent, q } = filter;
  let query = inState(ofWorkspace(db, workspace), filter);
  if (owner !== undefined) query = query.where('owner', '=', owner);
  if (api !== undefined) query = query.where('api', '=', api);
  if (parent !== undefined) query = query.where('parent', '=', parent);
  if (q !== undefined) {
    const named = tokensOfSecretNamed(db, q);
    query = query.where((eb) =>
      eb.or([
        contains('name_folded', folded(q)),
        eb('id', '=', q),
        ...(named === undefined ? [] : [eb('id', 'in', named)]),
      ]),
    );
  }
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  return grouped(await withSecrets(db, query.orderBy('id', 'desc').limit(page.limit)).execute());
}

/** @throws DigestTaken with nothing written, so that the unit of work may go on with another secret */
export async function insertToken(
  db: Db,
  inserts: Inserts,
  { token, secret }: { readonly token: Token; readonly secret: Secret },
): Promise<void> {
  const { id, workspace, kind, format, parent, client, session, createdBy, createdAt } = token;
  const born = { id, workspace, kind, format, parent, client, session, created_by: createdBy, created_at: createdAt };
  await inserts.tokens(db, [{ ...born, ...changeable(token) }]);
  try {
    await insertFirstSecret(db, inserts.secrets, secret);
  } catch (error) {
    if (error instanceof DigestTaken) await db.deleteFrom('tokens').where('id', '=', id).execute();
    throw error;
  }
}

/** Everything but what a token is born with, and its last use, which is that of its secrets. */
export async function updateToken(db: Db, value: Token): Promise<void> {
  const result = await db
    .updateTable('tokens')
    .set(changeable(value))
    .where('workspace', '=', value.workspace)
    .where('id', '=', value.id)
    .executeTakeFirst();
  requireOne(result.numUpdatedRows, 'token');
}

export async function revokeTokens(
  db: Db,
  which: { readonly workspace: string; readonly owner?: string | undefined },
  { at, reason }: { readonly at: number; readonly reason: string },
): Promise<readonly string[]> {
  let query = db
    .updateTable('tokens')
    .set((eb) => ({ revoked_at: at, revoked_reason: reason, updated_at: at, version: eb('version', '+', 1) }))
    .where('workspace', '=', which.workspace)
    .where('revoked_at', 'is', null);
  if (which.owner !== undefined) query = query.where('owner', '=', which.owner);
  const rows = await query.returning('id').execute();
  return rows.map(({ id }) => id);
}

export async function revokeDescendants(
  db: Db,
  { workspace, of }: { readonly workspace: string; readonly of: string },
  { at, reason }: { readonly at: number; readonly reason: string },
): Promise<number> {
  const result = await db
    .withRecursive('descendants', (base) =>
      base
        .selectFrom('tokens')
        .select('id')
        .where('workspace', '=', workspace)
        .where('parent', '=', of)
        .union(
          base
            .selectFrom('descendants')
            .innerJoin('tokens as below', 'below.parent', 'descendants.id')
            .select('below.id')
            .where('below.workspace', '=', workspace),
        ),
    )
    .updateTable('tokens')
    .set((eb) => ({ revoked_at: at, revoked_reason: reason, updated_at: at, version: eb('version', '+', 1) }))
    .where('revoked_at', 'is', null)
    .where((eb) => eb('id', 'in', eb.selectFrom('descendants').select('id')))
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

function ofWorkspace(db: Db, workspace: string) {
  return db.selectFrom('tokens').selectAll().where('workspace', '=', workspace);
}

type TokenQuery = ReturnType<typeof ofWorkspace>;

/** Where several states apply, a token is in the first of: revoked, disabled, expired, not yet valid. */
function inState(query: TokenQuery, { status, now }: TokenFilter): TokenQuery {
  if (status === undefined) return query;
  if (status === 'revoked') return query.where('revoked_at', 'is not', null);
  const unrevoked = query.where('revoked_at', 'is', null);
  if (status === 'disabled') return unrevoked.where('enabled', '=', 0);
  const enabled = unrevoked.where('enabled', '=', 1);
  if (status === 'expired') return enabled.where('expires_at', '<=', now);
  const unexpired = enabled.where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]));
  if (status === 'not_yet_valid') return unexpired.where('not_before', '>', now);
  return unexpired.where((eb) => eb.or([eb('not_before', 'is', null), eb('not_before', '<=', now)]));
}

/** Tokens and secrets in one statement, so that both are of the same moment. */
function withSecrets(db: Db, query: TokenQuery) {
  return db
    .selectFrom(query.as('tokens'))
    .innerJoin('secrets', 'secrets.token', 'tokens.id')
    .leftJoin('credits', 'credits.token', 'tokens.id')
    .select(columnsOf('tokens', 'secrets', 'credits'))
    .orderBy('tokens.id', 'desc')
    .orderBy('secrets.ordinal', 'desc');
}

function grouped(rows: readonly JoinedRow[]): readonly TokenWithSecrets[] {
  const byToken = Map.groupBy(rows, (row) => row['tokens:id']);
  return Array.from(byToken.values(), (group) => {
    const [first = {}] = group;
    const secrets = group.map((row) => secretOf(part('secrets', row)));
    return {
      token: tokenOf(part('tokens', first), latestUse(secrets)),
      secrets,
      account: first['credits:token'] === null ? undefined : accountOf(part('credits', first)),
    };
  });
}

function latestUse(secrets: readonly Secret[]): number | null {
  const uses = secrets.flatMap(({ lastUsedAt }) => (lastUsedAt === null ? [] : [lastUsedAt]));
  return uses.length === 0 ? null : Math.max(...uses);
}

function changeable(value: Token) {
  return {
    name: value.name,
    name_folded: folded(value.name),
    owner: value.owner,
    api: value.api,
    environment: value.environment,
    scopes: JSON.stringify(value.scopes),
    limits: JSON.stringify(value.limits),
    quota: jsonOrNull(value.quota),
    credits: jsonOrNull(value.credits),
    ip: JSON.stringify(value.ip),
    metadata: JSON.stringify(value.metadata),
    bound_key: value.boundKey,
    enabled: flag(value.enabled),
    not_before: value.notBefore,
    expires_at: value.expiresAt,
    revoked_at: value.revokedAt,
    revoked_reason: value.revokedReason,
    updated_at: value.updatedAt,
    version: value.version,
  };
}
