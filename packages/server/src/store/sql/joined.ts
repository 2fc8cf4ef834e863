/** One row that carries several tables: each column under a name that says whose it is. */
import { sql } from 'kysely';
import type { ApiRow, OwnerRow, SecretRow, Tables, TokenRow, WorkspaceRow } from './tables.ts';

/** Every column of the tables that are joined; a column that is forgotten here does not compile. */
const columns = {
  workspaces: named<WorkspaceRow>('workspaces', {
    id: 0,
    name: 0,
    enabled: 0,
    deleted_at: 0,
    created_at: 0,
    updated_at: 0,
    version: 0,
  }),
  apis: named<ApiRow>('apis', {
    id: 0,
    workspace: 0,
    name: 0,
    audience: 0,
    prefix: 0,
    scopes: 0,
    default_expiry_seconds: 0,
    maximum_expiry_seconds: 0,
    built_in: 0,
    created_at: 0,
    updated_at: 0,
    version: 0,
  }),
  owners: named<OwnerRow>('owners', {
    id: 0,
    workspace: 0,
    type: 0,
    name: 0,
    name_folded: 0,
    enabled: 0,
    quota: 0,
    metadata: 0,
    deleted_at: 0,
    created_at: 0,
    updated_at: 0,
    version: 0,
  }),
  tokens: named<TokenRow>('tokens', {
    id: 0,
    workspace: 0,
    kind: 0,
    name: 0,
    name_folded: 0,
    owner: 0,
    api: 0,
    environment: 0,
    scopes: 0,
    limits: 0,
    quota: 0,
    ip: 0,
    metadata: 0,
    bound_key: 0,
    enabled: 0,
    created_by: 0,
    not_before: 0,
    expires_at: 0,
    revoked_at: 0,
    revoked_reason: 0,
    last_used_at: 0,
    created_at: 0,
    updated_at: 0,
    version: 0,
  }),
  secrets: named<SecretRow>('secrets', {
    digest: 0,
    algorithm: 0,
    token: 0,
    ordinal: 0,
    fingerprint: 0,
    hint: 0,
    last_four: 0,
    state: 0,
    created_at: 0,
    valid_until: 0,
    grace_seconds: 0,
    last_used_at: 0,
  }),
};

type Joined = keyof typeof columns;

/** What a joined query answers: values by `table:column`. */
export type JoinedRow = Readonly<Record<string, unknown>>;

/** The selection of every column of the tables named. */
export function columnsOf(...tables: readonly Joined[]) {
  return tables.flatMap((table) =>
    columns[table].map(({ name, alias }) => sql.ref<unknown>(`${table}.${name}`).as(alias)),
  );
}

/** The row of one table out of a joined one. */
export function part<T extends Joined>(table: T, row: JoinedRow): Tables[T] {
  const own: Record<string, unknown> = {};
  for (const { name, alias } of columns[table]) own[name] = row[alias];
  return own as unknown as Tables[T];
}

function named<Row>(table: string, all: Readonly<Record<keyof Row & string, 0>>) {
  return Object.keys(all).map((name) => ({ name, alias: `${table}:${name}` }));
}
