/** A driver for Kysely whose connection is in the thread: statements go there one by one, and nothing waits for the disk here. */
import { Worker } from 'node:worker_threads';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import type { Answer, Order } from './thread-messages.ts';

/** Longer than a transaction waits for other writers, and than folding takes on a slow disk. */
const PATIENCE_MILLISECONDS = 30_000;
const SCRIPT = new URL('../../../bin/tessera-store.js', import.meta.url);

/** The thread ended, or did not answer and was ended. Its transaction is undone, unless this was the answer to its COMMIT. */
export class ThreadGone extends Error {
  override readonly name = 'ThreadGone';
}

export interface ThreadTerms {
  /** What runs in the thread. */
  readonly script?: URL;
  /** How long an answer is waited for. */
  readonly patienceMilliseconds?: number;
}

export interface ThreadOptions extends ThreadTerms {
  readonly file: string;
  /** Called once where the thread ends without being told to. */
  readonly onDeath: (error: Error) => void;
}

/** One thread, from its start to its end. It keeps no process alive but while it owes an answer. */
export class StoreThread implements DatabaseConnection {
  readonly #worker: Worker;
  readonly #patience: number;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #gone = Promise.withResolvers<void>();
  #last = 0;
  #end: ThreadGone | undefined;
  #ending = false;

  constructor({ file, onDeath, script = SCRIPT, patienceMilliseconds = PATIENCE_MILLISECONDS }: ThreadOptions) {
    this.#patience = patienceMilliseconds;
    this.#worker = new Worker(script, { workerData: file, name: 'tessera-store' });
    this.#worker.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
    let cause: unknown;
    this.#worker.on('error', (error: unknown) => {
      cause = error;
    });
    this.#worker.on('exit', () => {
      this.#end = new ThreadGone('the thread of the store has ended', { cause });
      for (const [id, settle] of this.#waiting) settle({ id, error: '', code: undefined });
      this.#gone.resolve();
      if (!this.#ending) onDeath(this.#end);
    });
    // After the listeners, which keep the process alive.
    this.#worker.unref();
  }

  async executeQuery<R>({ sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>): Promise<QueryResult<R>> {
    const id = ++this.#last;
    const answer = await this.#ask({ kind: 'run', id, sql, parameters: parameters.map(sendable) });
    if ('result' in answer) return answer.result as QueryResult<R>;
    if (this.#end !== undefined) throw this.#end;
    throw Object.assign(new Error(answer.error), { errcode: answer.code });
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator, and nothing here streams.
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('this driver does not stream');
  }

  /** Resolves when the file is closed and the thread is gone. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#tell({ kind: 'end' });
    const timer = setTimeout(() => void this.#worker.terminate(), this.#patience);
    await this.#gone.promise;
    clearTimeout(timer);
  }

  #tell(order: Order): void {
    this.#worker.postMessage(order);
  }

  async #ask(order: Extract<Order, { kind: 'run' }>): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    // It also keeps the process alive until the answer is there.
    const timer = setTimeout(() => void this.#worker.terminate(), this.#patience);
    this.#waiting.set(order.id, resolve);
    this.#tell(order);
    const answer = await promise;
    clearTimeout(timer);
    this.#waiting.delete(order.id);
    return answer;
  }
}

/** A transaction stays in the thread that it began in, to its end. */
export function threadDriver(thread: StoreThread): Driver {
  const nothing = async (): Promise<void> => undefined;
  const refuse = async (): Promise<never> => {
    throw new Error('transactions are begun and ended by statements');
  };
  return {
    init: nothing,
    acquireConnection: async () => thread,
    releaseConnection: nothing,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: nothing,
  };
}

/** A part of a larger buffer would take the whole of it along. */
function sendable(value: unknown): unknown {
  return value instanceof Uint8Array && value.byteLength < value.buffer.byteLength ? Uint8Array.from(value) : value;
}
