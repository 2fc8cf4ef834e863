/** Connections to PostgreSQL that fail in bounded time: the queue, every statement and every wait for a lock has an end. */
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import type { StoreLog } from '../engine.ts';

const MAX_QUEUE = 512;
const INT8 = 20;
const JSON_TEXT = 114;

export interface PoolLimits {
  readonly connections: number;
  /** Of waiting for a connection, in milliseconds, be it new or one that is in use. */
  readonly connect: number;
  /** Of one statement, as the server counts. */
  readonly statement: number;
  /** Of one statement, as we count: a server that is frozen keeps no time. */
  readonly answer: number;
}

/** How long a statement waits for a lock, and how long the server lets a transaction idle whose node is frozen or gone. */
const LOCK_MILLISECONDS = 5000;

export interface Connection {
  query(text: string, values: readonly unknown[]): Promise<pg.QueryResult>;
  /** A statement that the connection knows by its name after the first time. */
  named(statement: pg.QueryArrayConfig & { readonly name: string }): Promise<pg.QueryArrayResult>;
  release(): void;
}

export interface Pool {
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

export function createPool(url: string, limits: PoolLimits, log: StoreLog | undefined): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: limits.connections,
    connectionTimeoutMillis: limits.connect,
    statement_timeout: limits.statement,
    query_timeout: limits.answer,
    lock_timeout: LOCK_MILLISECONDS,
    idle_in_transaction_session_timeout: LOCK_MILLISECONDS,
    application_name: 'tessera',
    keepAlive: true,
    types: { getTypeParser },
  });
  // Without a listener, the server's restart would end this process.
  pool.on('error', (err) => log?.warn({ err }, 'an idle connection to PostgreSQL was lost'));
  return {
    connect: async () => {
      if (pool.waitingCount >= MAX_QUEUE) throw new Error('too many statements wait for a connection to PostgreSQL');
      return leased(await pool.connect());
    },
    end: () => pool.end(),
  };
}

/** The pool as Kysely's dialect asks for it. */
export function poolForKysely(pool: Pool): PostgresPool {
  return {
    options: {},
    // Without cursors, which nothing here uses.
    connect: async () => (await pool.connect()) as unknown as PostgresPoolClient,
    end: () => pool.end(),
  };
}

/** A connection on loan. After anything but a plain error of the server it is not used again: an answer may still be on its way. */
function leased(client: pg.PoolClient): Connection {
  let broken = false;
  const breaks = (): void => {
    broken = true;
  };
  client.on('error', breaks);
  const guarded = async <T>(run: () => Promise<T>): Promise<T> => {
    // A rollback would only wait behind the statement that has no answer.
    if (broken) throw new Error('the connection to PostgreSQL was lost');
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) breaks();
      throw error;
    }
  };
  return {
    query: (text, values) => guarded(() => client.query(text, [...values])),
    named: (statement) => guarded(() => client.query(statement)),
    release: () => {
      client.off('error', breaks);
      client.release(broken);
    },
  };
}

/** For this pool only: other users of `pg` in the process keep their own. */
function getTypeParser(type: number, format?: 'text' | 'binary') {
  if (type === INT8) return exactNumber;
  if (type === JSON_TEXT) return (text: string) => text;
  return pg.types.getTypeParser(type, format);
}

function exactNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError('a number in the database is too large');
  return number;
}
