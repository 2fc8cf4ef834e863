/** Runs work once for any number of calls that come while it runs, and once more after them, a moment apart. */

/** What comes within it goes out together: a stream of single changes would cost a write each, for every reader. */
const APART_MS = 10;

export interface Passes {
  /** The work is run from now on at least once from its beginning; at once, where it was not run just now. */
  wake(): void;
  /** No further pass begins. */
  stop(): void;
}

export function passes(work: () => Promise<void>, fail: (error: unknown) => void): Passes {
  let state: 'idle' | 'running' | 'again' | 'stopped' = 'idle';
  let begunAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const run = (): void => {
    timer = undefined;
    state = 'running';
    begunAt = performance.now();
    work().then(
      () => {
        if (state === 'again') begin();
        else if (state === 'running') state = 'idle';
      },
      (error: unknown) => fail(error),
    );
  };
  const begin = (): void => {
    const wait = begunAt + APART_MS - performance.now();
    // What wakes it meanwhile is part of the pass to come.
    state = 'again';
    if (wait > 0) timer ??= setTimeout(run, wait);
    else run();
  };

  return {
    wake() {
      if (state === 'idle') begin();
      else if (state === 'running') state = 'again';
    },
    stop() {
      state = 'stopped';
      clearTimeout(timer);
    },
  };
}
