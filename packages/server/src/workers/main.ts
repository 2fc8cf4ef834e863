/** One worker: the whole platform in one thread, beside others on the same ports. Its process edge is this port to its parent. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerStart } from './questions.ts';
import { runWorker } from './run-worker.ts';

if (parentPort === null) throw new Error('a worker is started by the server, not by hand');
await runWorker(parentPort, workerData as WorkerStart, (listener) => void process.once('exit', listener));
