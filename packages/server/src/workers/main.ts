/** Where a worker begins: the whole platform in one thread, beside others on the same ports. Its process edge is this port to its parent. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerStart } from './questions.ts';

enableCompileCache(fileURLToPath(new URL('../../.cache', import.meta.url)));
if (parentPort === null) throw new Error('a worker is started by the server, not by hand');
const { runWorker } = await import('./run-worker.ts');
await runWorker(parentPort, workerData as WorkerStart, (listener) => void process.once('exit', listener));
