/** A worker as it is, that can be told to die: of an error that nobody catches, by its own exit, or for want of memory. */
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads';
import type { WorkerStart } from '../../src/workers/questions.ts';
import { runWorker } from '../../src/workers/run-worker.ts';
import { FATES, type Fate } from './fates.ts';

const start = workerData as WorkerStart;
if (parentPort === null) throw new Error('a worker is started by the server');
const fates = new BroadcastChannel(FATES);
// Told by the identity of the worker that is meant.
fates.onmessage = (event) => {
  const { worker, fate } = (event as { readonly data: { readonly worker: number; readonly fate: Fate } }).data;
  if (worker !== start.id) return;
  if (fate === 'throw') throw new Error('as it was told');
  if (fate === 'exit') process.exit(3);
  for (const hoard: unknown[] = []; ; ) hoard.push(new Array(100_000).fill(worker));
};
await runWorker(parentPort, start, (last) => void process.once('exit', last));
