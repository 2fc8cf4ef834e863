/** The store at scale: PostgreSQL, shared by many nodes. */
import { Buffer } from 'node:buffer';
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import pg from 'pg';
import { type CertificateFault, certificateFault } from '../../core/certificate-fault.ts';
import { StartRefused } from '../../core/start-refused.ts';
import type { Engine, StoreLog } from '../engine.ts';
import { ancestorsOf, ancestorsStatement } from '../sql/ancestors.ts';
import { contextOf, findStatement, NO_ANCESTORS } from '../sql/find.ts';
import { createInserts } from '../sql/inserts.ts';
import type { Db, Tables } from '../sql/tables.ts';
import { createTouch } from '../sql/usage.ts';
import { CHANNEL, listening } from './listening.ts';
import { createPool, type Pool, type PoolLimits, poolForKysely } from './pool.ts';
import { awaitSchema, migrateFirst } from './schema.ts';

/** A read answers or fails within two seconds: one for the queue, one for the statement. */
const READS: PoolLimits = { connections: 10, connect: 1000, statement: 900, answer: 950 };
/** One connection, because there is one writer. It may have to wait for those of other nodes. */
const WRITES: PoolLimits = { connections: 1, connect: 1500, statement: 7000, answer: 8000 };
/** A migration may rewrite a large table. */
const MIGRATIONS: PoolLimits = { connections: 1, connect: 5000, statement: 0, answer: 0 };

/** Advisory lock of whoever writes or migrates: "Tess" and "era" in ASCII. */
const WRITER_LOCK = [0x54657373, 0x657261].join(', ');
/**
 * Read committed, whatever the server's default: each statement must see what the writer before has committed while this
 * one waited for the lock. One round trip.
 */
const BEGIN = CompiledQuery.raw(`begin isolation level read committed; select pg_advisory_xact_lock(${WRITER_LOCK})`);

/** PostgreSQL passes it on when the transaction is committed, and only then. */
const ANNOUNCE = `select pg_notify('${CHANNEL}', $1)`;

/** Of the moment, and not of the transaction's begin, which may have waited for the lock. */
const NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/** SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const LOCK_NOT_AVAILABLE = '55P03';

export interface PostgresOptions {
  /** `await`: another node brings the database up to this version. */
  readonly schema: 'migrate' | 'await';
  readonly log: StoreLog | undefined;
}

/** @throws StartRefused where its certificate is not to be believed, and where the server cannot be reached, refuses us, or has a schema that is newer */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Engine> {
  const { log } = options;
  await prepare(url, options);
  const readPool = createPool(url, READS, log);
  const reads = kyselyOver(readPool);
  const writePool = createPool(url, WRITES, log);
  const writes = kyselyOver(writePool);
  const { sql: text } = findStatement(reads, jsonArrayFrom);
  const { sql: lineText } = ancestorsStatement(reads);
  return {
    reads,
    writes,
    // All work is done in another process.
    aside: () => writes,
    terms: { inserts: createInserts(writes), touch: createTouch(writes, 'bytea'), now: NOW },
    begin,
    announce: async (connection, seq) => {
      await connection.executeQuery(CompiledQuery.raw(ANNOUNCE, [String(seq)]));
    },
    listen: (hearing) => listening(url, hearing, log),
    committed: () => undefined,
    find: async (digest) => {
      const connection = await readPool.connect();
      try {
        const values = [Buffer.from(digest, 'latin1')];
        const { rows } = await connection.named({ name: 'tessera-find', text, values, rowMode: 'array' });
        const found = rows[0] && contextOf(rows[0]);
        if (found === undefined) return undefined;
        const { parent } = found.token;
        if (parent === null) return { ...found, ancestors: NO_ANCESTORS };
        const above = [parent];
        const line = await connection.named({ name: 'tessera-line', text: lineText, values: above, rowMode: 'array' });
        return { ...found, ancestors: ancestorsOf(line.rows) };
      } finally {
        connection.release();
      }
    },
    isRetryable: (error) => [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(sqlState(error) ?? ''),
    // An answer of the server is definite, save the one that says that it is going away.
    leavesOutcomeOpen: (error) => !(error instanceof pg.DatabaseError) || error.severity === 'FATAL',
    close: async () => {
      await readPool.end();
      await writePool.end();
    },
  };
}

async function begin(connection: Db): Promise<void> {
  await connection.executeQuery(BEGIN);
}

async function prepare(url: string, { schema, log }: PostgresOptions): Promise<void> {
  const pool = createPool(url, MIGRATIONS, log);
  const db = kyselyOver(pool);
  try {
    if (schema === 'await') await awaitSchema(db, log);
    else await migrateFirst(db, { begin, isTaken: (error) => sqlState(error) === LOCK_NOT_AVAILABLE });
  } catch (error) {
    throw refusalOf(error) ?? error;
  } finally {
    await pool.end();
  }
}

const OF_POSTGRES: Readonly<Record<CertificateFault, string>> = {
  authority: 'is from no authority that is trusted here; sslrootcert names another',
  host: 'is not for the host that the URL names',
};

function refusalOf(error: unknown): StartRefused | undefined {
  if (!(error instanceof Error)) return undefined;
  // The driver has no code for it.
  if (error.message === 'The server does not support SSL connections')
    return new StartRefused('databaseUrl: PostgreSQL speaks no TLS there, and sslmode asks for it');
  const fault = certificateFault(error);
  if (fault === undefined) return undefined;
  return new StartRefused(`databaseUrl: the certificate of PostgreSQL ${OF_POSTGRES[fault]} (${error.message})`);
}

function kyselyOver(pool: Pool): Db {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolForKysely(pool) }) });
}

function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
