/** Data folders with many tokens. One token is minted by the platform itself; its rows are copied for all others. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { fingerprint } from '@tessera/token';
import { digestBytes, digestKey } from '@tessera/verify';
import { askPlatform } from './platform-api.ts';
import { startTessera } from './tessera.ts';
import { tokenId, tokenText } from './tokens.ts';

/** What a token of a bench may do. */
export interface SeededToken {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly limits: readonly {
    readonly limit: number;
    readonly window: number;
    readonly mode?: 'exact' | 'approximate';
  }[];
}

/** The limit is on, and never refuses. */
export const TOKEN: SeededToken = {
  name: 'bench',
  scopes: ['orders:read', 'orders:write'],
  limits: [{ limit: 1_000_000, window: 60 }],
};

/** Its limits are those of the route that it is used on. */
export const PLAIN_TOKEN: SeededToken = { ...TOKEN, limits: [] };

/** Its limit may be counted in shares, by whoever has taken one. */
export const LEASED_TOKEN: SeededToken = {
  ...TOKEN,
  limits: [{ limit: 1_000_000, window: 60, mode: 'approximate' }],
};

type Row = Readonly<Record<string, SQLInputValue>>;

/** A folder whose data folder holds the tokens 0 to `tokens - 1`. */
export async function seed(folder: string, tokens: number, token: SeededToken): Promise<string> {
  mkdirSync(folder);
  const tessera = await startTessera({ folder });
  const { id } = await askPlatform({ port: tessera.port, path: '/v1/tokens', body: token });
  await tessera.stop();
  copy(databaseOf(folder), String(id), tokens);
  return folder;
}

export function databaseOf(folder: string): string {
  return join(folder, 'data', 'tessera.db');
}

function copy(file: string, id: string, tokens: number): void {
  const database = new DatabaseSync(file);
  database.exec('pragma journal_mode = wal; pragma synchronous = off; pragma cache_size = -1000000');
  const token = database.prepare('select * from tokens where id = ?').get(id) as Row;
  const secret = database.prepare('select * from secrets where token = ?').get(id) as Row;
  const insertToken = inserter(database, 'tokens', token);
  const insertSecret = inserter(database, 'secrets', secret);
  database.exec('begin');
  for (let index = 0; index < tokens; index += 1) {
    const text = tokenText(index);
    const digest = digestBytes(digestKey(text));
    const lastFour = text.slice(-4);
    // Tokens that were minted one after the other end one after the other.
    insertToken({ ...token, id: tokenId(index), expires_at: Number(token.expires_at) + index });
    insertSecret({
      ...secret,
      digest,
      token: tokenId(index),
      fingerprint: fingerprint(digest),
      hint: `tsr_live_…${lastFour}`,
      last_four: lastFour,
    });
  }
  database.exec('commit; pragma wal_checkpoint(truncate)');
  database.close();
}

function inserter(database: DatabaseSync, table: 'tokens' | 'secrets', like: Row): (row: Row) => void {
  const names = Object.keys(like);
  const statement = database.prepare(
    `insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
  );
  return (row) => void statement.run(...names.map((name) => row[name] ?? null));
}
