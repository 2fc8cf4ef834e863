/** Millions of tokens in PostgreSQL, made by the server itself: their digests are of numbers, and no text belongs to any of them. */
import { hash } from 'node:crypto';
import type { DigestKey } from '@tessera/verify';
import { copying, type Query } from './copying.ts';

/** What the secret of token number `index` is found by. */
export function vastDigest(index: number): DigestKey {
  return hash('sha256', `bench ${index}`, 'binary') as DigestKey;
}

const DIGEST = "sha256(convert_to('bench ' || new.index, 'UTF8'))";
const ID = "'tok_bench' || lpad(new.index::text, 21, '0')";
const NUMBERS = 'generate_series($2::bigint, $3::bigint) as new(index)';
const TABLES = ['tokens', 'secrets'] as const;

export interface Filling {
  readonly query: Query;
  /** Of the token whose rows are copied. */
  readonly id: string;
  readonly tokens: number;
}

/** Without indexes and constraints, which are made anew, as they were, when the rows are there. */
export async function fill({ query, id, tokens }: Filling): Promise<void> {
  await query("set maintenance_work_mem = '1GB'; set synchronous_commit = off");
  const again = await stripped(query);
  const first = { tokens: 'id', secrets: 'token' };
  const changed = {
    tokens: { id: ID },
    secrets: { token: ID, digest: DIGEST, fingerprint: `encode(${DIGEST}, 'hex')` },
  };
  for (const table of TABLES) {
    const statement = await copying(query, table, { key: first[table], from: NUMBERS, changed: changed[table] });
    await query(statement, [id, 0, tokens - 1]);
  }
  for (const statement of again) await query(statement);
  await query('vacuum analyze');
}

/** Drops what slows insertion down; the statements that make it again, in order. */
async function stripped(query: Query): Promise<readonly string[]> {
  const names = `array['${TABLES.join("','")}']::regclass[]`;
  // References last: they need the keys that they point to.
  const constraints = await query(
    `select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
     from pg_constraint where contype in ('p', 'u', 'f') and (conrelid = any(${names}) or confrelid = any(${names}))
     order by contype = 'f', contype`,
  );
  const indexes = await query(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index where indrelid = any(${names})
     and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))`,
  );
  for (const { table, name } of constraints.toReversed()) await query(`alter table ${table} drop constraint "${name}"`);
  for (const { name } of indexes) await query(`drop index ${name}`);
  return [
    ...constraints.map(({ table, name, definition }) => `alter table ${table} add constraint "${name}" ${definition}`),
    ...indexes.map(({ definition }) => String(definition)),
  ];
}
