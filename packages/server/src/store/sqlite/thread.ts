/**
 * The thread beside the one that judges: runs statements on a connection of its own, and folds the log into the file.
 * Waiting for the disk, and for other writers, keeps nobody else waiting here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BUSY_MILLISECONDS, openWriter, resultCode } from './connections.ts';
import { SqliteConnection } from './driver.ts';
import type { Answer, Order } from './thread-messages.ts';

/** Writers wait while a fold that they got in the way of is completed, and it waits for readers. */
const FOLD_MILLISECONDS = 100;

if (parentPort === null) throw new Error('this thread is started by the store, not by hand');
const port = parentPort;
// The name of the file.
const database = openWriter(workerData as string);
const connection = new SqliteConnection(database);
const passive = database.prepare('pragma wal_checkpoint(passive)');
const restart = database.prepare('pragma wal_checkpoint(restart)');

port.on('message', async (order: Order) => {
  if (order.kind === 'run') port.postMessage(await run(order));
  else if (order.kind === 'fold') fold();
  else end();
});

async function run({ id, sql, parameters }: Extract<Order, { kind: 'run' }>): Promise<Answer> {
  try {
    return { id, result: await connection.executeQuery({ sql, parameters }) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error), code: resultCode(error) };
  }
}

/**
 * What was committed while the log was folded is still in it, and it begins anew only once it is empty: with writers that never rest that
 * would be never. They are held off for what is left.
 */
function fold(): void {
  const { busy, log, checkpointed } = passive.get() as { busy: number; log: number; checkpointed: number };
  // Another process does it.
  if (busy !== 0 || checkpointed === log) return;
  database.exec(`pragma busy_timeout = ${FOLD_MILLISECONDS}`);
  restart.get();
  database.exec(`pragma busy_timeout = ${BUSY_MILLISECONDS}`);
}

function end(): void {
  database.close();
  port.close();
}
