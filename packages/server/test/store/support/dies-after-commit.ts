/** The thread of the store, which ends when it has committed, and has not said so. */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', (order: { readonly sql?: string }) => {
  if (order.sql === 'commit' && parentPort !== null) parentPort.postMessage = () => process.exit(1);
});
await import('../../../src/store/sqlite/thread.ts');
