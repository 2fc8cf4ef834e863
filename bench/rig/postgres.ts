/** The platform on a real PostgreSQL: databases with many tokens, seeded as the folders are. */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { digestBytes, digestKey } from '@tessera/verify';
import pg from 'pg';
import { startPostgres } from '../../test/support/postgres.ts';
import { TOKEN } from './seed.ts';
import { ROOT_TOKEN, startTessera } from './tessera.ts';
import { tokenId, tokenText } from './tokens.ts';

export const MASTER_KEY = '5a'.repeat(32);
const AT_ONCE = 10_000;

export interface Database {
  readonly url: string;
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

export interface Server {
  /** A database with the tokens 0 to `tokens - 1`, founded by the platform itself. */
  seeded(folder: string, tokens: number): Promise<Database>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const postgres = await startPostgres();
  const clients: pg.Client[] = [];
  return {
    async seeded(folder, tokens) {
      const url = await postgres.createDatabase();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      clients.push(client);
      const query: Database['query'] = async (text, values = []) => (await client.query(text, [...values])).rows;
      mkdirSync(folder, { recursive: true });
      const id = await mintOne(folder, url);
      const statements = {
        query,
        tokens: await copying(query, 'tokens', {
          key: 'id',
          from: 'unnest($2::text[]) as new(id)',
          changed: { id: 'new.id' },
        }),
        secrets: await copying(query, 'secrets', {
          key: 'token',
          from: 'unnest($2::text[], $3::bytea[]) as new(id, digest)',
          changed: { token: 'new.id', digest: 'new.digest', fingerprint: `encode(new.digest, 'hex')` },
        }),
      };
      for (let from = 0; from < tokens; from += AT_ONCE)
        await copy(statements, id, { from, to: Math.min(tokens, from + AT_ONCE) });
      await query('vacuum analyze');
      return { url, query };
    },
    async stop() {
      for (const client of clients) {
        const gone = once(client, 'end');
        await client.end();
        await gone;
      }
      await postgres.close();
    },
  };
}

/** The settings of a node on the database. */
export function nodeEnv({ url }: Pick<Database, 'url'>): Readonly<Record<string, string>> {
  return { TESSERA_DATABASE_URL: url, TESSERA_MASTER_KEY: MASTER_KEY };
}

async function mintOne(folder: string, url: string): Promise<string> {
  const tessera = await startTessera({ folder, env: nodeEnv({ url }) });
  const minted = await fetch(`http://127.0.0.1:${tessera.port}/v1/tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ROOT_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(TOKEN),
  });
  const { id } = (await minted.json()) as { readonly id: string };
  await tessera.stop();
  return id;
}

/** Rows like those of one token, but for what names them. */
async function copy(
  { query, tokens, secrets }: { readonly query: Database['query']; readonly tokens: string; readonly secrets: string },
  id: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const indexes = Array.from({ length: to - from }, (_, offset) => from + offset);
  const ids = indexes.map(tokenId);
  const digests = indexes.map((index) => Buffer.from(digestBytes(digestKey(tokenText(index)))));
  await query(tokens, [id, ids]);
  await query(secrets, [id, ids, digests]);
}

/** The statement that copies the row with `$1` in `key`: each column as it is there, or as `changed` says. */
async function copying(
  query: Database['query'],
  table: string,
  {
    key,
    from,
    changed,
  }: { readonly key: string; readonly from: string; readonly changed: Readonly<Record<string, string>> },
): Promise<string> {
  const columns = await query('select column_name as name from information_schema.columns where table_name = $1', [
    table,
  ]);
  const names = columns.map(({ name }) => String(name));
  const values = names.map((name) => changed[name] ?? `old.${name}`);
  return `insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from ${table} old, ${from} where old.${key} = $1`;
}
