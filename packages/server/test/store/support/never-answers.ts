/** A thread that hears everything and does nothing. */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', () => undefined);
