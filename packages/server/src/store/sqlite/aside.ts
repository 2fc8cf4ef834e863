/** The thread of the store, or its absence: it begins with the first need of it, and where it dies this one does its work. */
import type { StoreLog } from '../engine.ts';
import { StoreThread, type ThreadTerms } from './thread-driver.ts';

/** Whatever made it die may do it again at once. */
const PAUSE_MILLISECONDS = 60_000;

export interface AsideOptions extends ThreadTerms {
  readonly file: string;
  readonly log: StoreLog | undefined;
}

export interface Aside {
  /** undefined: it has died, and does not begin again yet. */
  thread(): StoreThread | undefined;
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
  return {
    thread() {
      if (performance.now() >= notBefore) running ??= new StoreThread({ ...options, onDeath });
      return running;
    },
    close: async () => running?.end(),
  };
}
