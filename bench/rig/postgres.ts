/** The platform on a real PostgreSQL: databases with many tokens, seeded as the folders are. */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { digestBytes, digestKey } from '@tessera/verify';
import pg from 'pg';
import { startPostgres } from '../../test/support/postgres.ts';
import { copying, type Query } from './copying.ts';
import { askPlatform } from './platform-api.ts';
import { type SeededToken, TOKEN } from './seed.ts';
import { startTessera } from './tessera.ts';
import { tokenId, tokenText } from './tokens.ts';
import { fill } from './vast-store.ts';

const MASTER_KEY = '5a'.repeat(32);
const AT_ONCE = 10_000;

export interface Database {
  readonly url: string;
  readonly query: Query;
}

export interface Server {
  /** A database with the tokens 0 to `tokens - 1`, founded by the platform itself. */
  seeded(folder: string, tokens: number, token?: SeededToken): Promise<Database>;
  /** The same with tokens whose texts nobody knows: {@link vastDigest} finds them. Many times as fast. */
  vast(folder: string, tokens: number): Promise<Database>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const postgres = await startPostgres();
  const clients: pg.Client[] = [];
  const founded = async (folder: string, token: SeededToken): Promise<Database & { readonly id: string }> => {
    const url = await postgres.createDatabase();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    clients.push(client);
    mkdirSync(folder, { recursive: true });
    const id = await mintOne(folder, url, token);
    return { url, id, query: async (text, values = []) => (await client.query(text, [...values])).rows };
  };
  return {
    async seeded(folder, tokens, token = TOKEN) {
      const { url, query, id } = await founded(folder, token);
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
    async vast(folder, tokens) {
      const { url, query, id } = await founded(folder, TOKEN);
      await fill({ query, id, tokens });
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

async function mintOne(folder: string, url: string, token: SeededToken): Promise<string> {
  const tessera = await startTessera({ folder, env: nodeEnv({ url }) });
  const { id } = await askPlatform({ port: tessera.port, path: '/v1/tokens', body: token });
  await tessera.stop();
  return String(id);
}

/** Rows like those of one token, but for what names them. */
async function copy(
  { query, tokens, secrets }: { readonly query: Query; readonly tokens: string; readonly secrets: string },
  id: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const indexes = Array.from({ length: to - from }, (_, offset) => from + offset);
  const ids = indexes.map(tokenId);
  const digests = indexes.map((index) => Buffer.from(digestBytes(digestKey(tokenText(index)))));
  await query(tokens, [id, ids]);
  await query(secrets, [id, ids, digests]);
}
