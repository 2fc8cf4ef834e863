/**
 * The thread beside the one that judges: runs statements on a connection of its own. Waiting for the disk, and for other writers, keeps nobody
 * else waiting here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openWriter, resultCode } from './connections.ts';
import { SqliteConnection } from './driver.ts';
import type { Answer, Order } from './thread-messages.ts';

if (parentPort === null) throw new Error('this thread is started by the store, not by hand');
const port = parentPort;
// The name of the file.
const database = openWriter(workerData as string);
const connection = new SqliteConnection(database);

port.on('message', (order: Order) => {
  if (order.kind === 'run') {
    void run(order).then((answer) => port.postMessage(answer));
    return;
  }
  database.close();
  port.close();
});

async function run({ id, sql, parameters }: Extract<Order, { kind: 'run' }>): Promise<Answer> {
  try {
    return { id, result: await connection.executeQuery({ sql, parameters }) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error), code: resultCode(error) };
  }
}
