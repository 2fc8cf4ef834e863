/** Writing and folding beside the thread that judges: the thread of the store begins with the first need of it, and where it dies this one does its work. */
import type { StoreLog } from '../engine.ts';
import type { Db } from '../sql/tables.ts';
import { kyselyOver } from './dialect.ts';
import { StoreThread, type ThreadOptions, threadDriver } from './thread-driver.ts';

/** Whatever made it die may do it again at once. */
const PAUSE_MILLISECONDS = 60_000;

export interface AsideOptions extends Pick<ThreadOptions, 'file' | 'script' | 'patienceMilliseconds'> {
  readonly log: StoreLog | undefined;
}

export interface Aside {
  /** Connections in the thread; undefined: it has died, and does not begin again yet. */
  db(): Db | undefined;
  /** Folds the log into the file, some time soon. */
  fold(): void;
  close(): Promise<void>;
}

export function createAside({ log, ...options }: AsideOptions): Aside {
  let running: StoreThread | undefined;
  let notBefore = Number.NEGATIVE_INFINITY;
  const onDeath = (err: Error): void => {
    running = undefined;
    notBefore = performance.now() + PAUSE_MILLISECONDS;
    log?.error({ err }, 'the thread of the store has died; for a minute requests wait for what it did');
  };
  const thread = (): StoreThread => {
    running ??= new StoreThread({ ...options, onDeath });
    return running;
  };
  const mayBegin = (): boolean => running !== undefined || performance.now() >= notBefore;
  const db = kyselyOver(threadDriver(thread));
  return {
    db: () => (mayBegin() ? db : undefined),
    fold() {
      if (mayBegin()) thread().fold();
    },
    close: async () => running?.end(),
  };
}
