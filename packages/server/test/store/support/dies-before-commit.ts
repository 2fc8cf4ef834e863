/** The thread of the store, which ends when it is told to commit, and has not. */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', (order: { readonly sql?: string }) => {
  if (order.sql === 'commit') process.exit(1);
});
await import('../../../src/store/sqlite/thread.ts');
