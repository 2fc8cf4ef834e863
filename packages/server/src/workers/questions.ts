/** What the workers and the thread that starts them ask each other. */
import type { App } from '../app.ts';
import type { Config } from '../config/load.ts';
import type { Snapshot } from '../observe/snapshot.ts';
import type { Placing } from './routed-concurrency.ts';
import type { SharedMemory } from './shared-memory.ts';

/** What a worker answers. `unknown`: nothing to read, only that it is done. */
export type OfWorker = {
  readonly snapshot: { readonly asks: undefined; readonly answers: Snapshot };
  /** This configuration is in force from now on. */
  readonly apply: { readonly asks: Config; readonly answers: unknown };
  /** Whatever a worker follows by itself is read again, such as the certificate. */
  readonly reload: { readonly asks: undefined; readonly answers: unknown };
  /** Answers when everything is written and closed. */
  readonly stop: { readonly asks: undefined; readonly answers: unknown };
};

/** What the thread that starts the workers answers each of them. */
export type OfMain = Placing & {
  readonly log: { readonly asks: string; readonly answers: unknown };
  readonly ready: { readonly asks: Pick<App, 'ports' | 'sample'>; readonly answers: unknown };
  /** It cannot start, and why. */
  readonly refused: { readonly asks: string; readonly answers: unknown };
  readonly claim: {
    readonly asks: { readonly key: string; readonly untilMs: number; readonly holder: string | undefined };
    readonly answers: boolean;
  };
  readonly exposition: { readonly asks: undefined; readonly answers: string };
};

/** What a worker begins with. */
export interface WorkerStart {
  readonly config: Config;
  readonly secrets: readonly string[];
  readonly version: { readonly version: string; readonly node: string };
  readonly memory: SharedMemory;
  /** Of how many workers it is one. */
  readonly workers: number;
  /** Names this thread among all that the process ever starts; from 1. */
  readonly id: number;
}
