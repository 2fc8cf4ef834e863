/** A thread that serves, as the one that started it sees it. */
import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { App } from '../app.ts';
import { StartRefused } from '../core/start-refused.ts';
import { type Answering, type Conversation, converse } from './conversation.ts';
import type { OfMain, OfWorker, WorkerStart } from './questions.ts';

export type Ready = Pick<App, 'ports' | 'sample'>;

export interface Thread {
  readonly id: number;
  readonly conversation: Conversation<OfWorker>;
  /** Rejects with StartRefused where it says why it cannot start, and with what ended it otherwise. */
  readonly ready: Promise<Ready>;
  /** Resolves when it is gone, with what ended it where that was an error. Never rejects. */
  readonly gone: Promise<Error | undefined>;
  /** Ends it now. */
  end(): Promise<void>;
}

export interface ThreadOptions {
  readonly script: URL;
  readonly start: WorkerStart;
  readonly resourceLimits: ResourceLimits;
  readonly answering: Omit<Answering<OfMain>, 'ready' | 'refused'>;
}

export function startThread({ script, start, resourceLimits, answering }: ThreadOptions): Thread {
  const ready = Promise.withResolvers<Ready>();
  // Those who do not wait for it hear that it is gone.
  ready.promise.catch(() => undefined);
  const worker = new Worker(script, { workerData: start, resourceLimits, name: `tessera-${start.id}` });
  const conversation = converse<OfWorker, OfMain>(worker, {
    ...answering,
    ready: ready.resolve,
    refused(reason) {
      ready.reject(new StartRefused(reason));
      void worker.terminate();
    },
  });
  const gone = new Promise<Error | undefined>((resolve) => {
    let cause: Error | undefined;
    worker.on('error', (error: unknown) => {
      cause = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', (code) => {
      conversation.end();
      ready.reject(cause ?? new Error(`the thread ended with ${code} before it served`));
      resolve(cause);
    });
  });
  return {
    id: start.id,
    conversation,
    ready: ready.promise,
    gone,
    async end() {
      await worker.terminate();
    },
  };
}
