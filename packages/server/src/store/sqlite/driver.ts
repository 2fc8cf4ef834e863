/** `node:sqlite` as a driver for Kysely: one connection, whose statements are prepared once. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';

/** Far above the number of statements that the store has; texts with lists in them vary. */
const MAX_STATEMENTS = 512;

export class SqliteDriver implements Driver {
  readonly #connection: SqliteConnection;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#connection = new SqliteConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    await this.#connection.executeQuery({ sql: 'begin', parameters: [] });
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.executeQuery({ sql: 'commit', parameters: [] });
  }

  async rollbackTransaction(): Promise<void> {
    await this.#connection.executeQuery({ sql: 'rollback', parameters: [] });
  }

  async destroy(): Promise<void> {
    this.#database.close();
  }
}

interface Prepared {
  readonly statement: StatementSync;
  readonly answersRows: boolean;
}

export class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();
  #inTransaction = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async executeQuery<R>({ sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>): Promise<QueryResult<R>> {
    if (this.#inTransaction && !this.#database.isTransaction) return this.#afterLostTransaction(sql);
    const { statement, answersRows } = this.#prepare(sql);
    const values = parameters as readonly SQLInputValue[];
    if (answersRows) return { rows: statement.all(...values) as R[] };
    const { changes } = statement.run(...values);
    this.#inTransaction = this.#database.isTransaction;
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator, and nothing here streams.
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('this driver does not stream');
  }

  /** A full disk makes SQLite roll back by itself; what followed would be committed statement by statement. */
  #afterLostTransaction(sql: string): QueryResult<never> {
    if (sql !== 'rollback') throw new Error('SQLite has rolled back this transaction');
    this.#inTransaction = false;
    return { rows: [] };
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    if (this.#prepared.size >= MAX_STATEMENTS) this.#prepared.clear();
    const statement = this.#database.prepare(sql);
    const prepared = { statement, answersRows: statement.columns().length > 0 };
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}
